/* SPDX-License-Identifier: MIT */
#include "event/wal_decoder.h"

#include <string.h>

#include "base/alloc.h"
#include "event/pgoutput.h"
#include "event/wal_changes.h"
#include "event/wal_relations.h"

/* Transactions that are streamed at the same time; the server has no more
 * connections than that, usually. */
#define MAX_STREAMS 1024

/* A transaction that is not over, and large. */
struct stream {
    struct stream *next;
    uint32_t xid;
    struct pgcwi_wal_changes changes;
};

struct pgcwi_wal_decoder {
    char channel[PGCWI_NAME_BYTES];
    struct pgcwi_wal_relations relations;
    uint64_t description_count;
    struct pgcwi_wal_changes changes; /* of the one between B and C */
    uint32_t xid;
    struct stream *streams;
    size_t stream_count;
    struct stream *open; /* between STREAM_START and STREAM_STOP */
};

void
pgcwi_wal_transaction_destroy(struct pgcwi_wal_transaction *transaction)
{
    if (transaction == NULL) {
        return;
    }
    for (size_t i = 0; i < transaction->change_count; i++) {
        pgcwi_change_fini(&transaction->changes[i]);
    }
    pgcwi_free(transaction->changes);
    pgcwi_free(transaction);
}

struct pgcwi_wal_decoder *
pgcwi_wal_decoder_create(const char *channel)
{
    struct pgcwi_wal_decoder *made = pgcwi_alloc_array(1, sizeof(*made));

    if (made != NULL) {
        memcpy(made->channel, channel, strlen(channel) + 1);
    }
    return made;
}

static struct stream **
find_stream(struct pgcwi_wal_decoder *decoder, uint32_t xid)
{
    struct stream **link = &decoder->streams;

    while (*link != NULL && (*link)->xid != xid) {
        link = &(*link)->next;
    }
    return link;
}

static void
end_stream(struct pgcwi_wal_decoder *decoder, struct stream **link)
{
    struct stream *stream = *link;

    *link = stream->next;
    decoder->stream_count--;
    pgcwi_wal_changes_fini(&stream->changes);
    pgcwi_free(stream);
}

void
pgcwi_wal_decoder_destroy(struct pgcwi_wal_decoder *decoder)
{
    if (decoder == NULL) {
        return;
    }
    while (decoder->streams != NULL) {
        end_stream(decoder, &decoder->streams);
    }
    pgcwi_wal_changes_fini(&decoder->changes);
    pgcwi_wal_relations_fini(&decoder->relations);
    pgcwi_free(decoder);
}

void
pgcwi_wal_decoder_forget_targets(struct pgcwi_wal_decoder *decoder)
{
    pgcwi_wal_relations_forget_targets(&decoder->relations);
}

bool
pgcwi_wal_decoder_add_target(struct pgcwi_wal_decoder *decoder,
                             const struct pgcwi_wal_target *target)
{
    return pgcwi_wal_relations_add_target(&decoder->relations, target);
}

bool
pgcwi_wal_decoder_wants_targets(const struct pgcwi_wal_decoder *decoder)
{
    return decoder->relations.is_target_missing;
}

uint64_t
pgcwi_wal_decoder_descriptions(const struct pgcwi_wal_decoder *decoder)
{
    return decoder->description_count;
}

static enum pgcwi_wal_result
done_unless_short(bool is_done)
{
    return is_done ? PGCWI_WAL_MORE : PGCWI_WAL_NO_MEMORY;
}

static struct pgcwi_wal_changes *
current_changes(struct pgcwi_wal_decoder *decoder)
{
    return decoder->open != NULL ? &decoder->open->changes : &decoder->changes;
}

/* NULL: not described, or no memory; `result` says which. */
static struct pgcwi_wal_relation *
find_relation(struct pgcwi_wal_decoder *decoder, uint32_t id,
              enum pgcwi_wal_result *result)
{
    struct pgcwi_wal_relation *relation =
        pgcwi_wal_relations_find(&decoder->relations, id);

    if (relation == NULL) {
        *result = PGCWI_WAL_MALFORMED;
        return NULL;
    }
    if (!pgcwi_wal_relations_find_key(&decoder->relations, relation)) {
        *result = PGCWI_WAL_NO_MEMORY;
        return NULL;
    }
    return relation;
}

static enum pgcwi_wal_result
take_row(struct pgcwi_wal_decoder *decoder,
         const struct pgcwi_pgoutput *message)
{
    enum pgcwi_wal_result result;
    const struct pgcwi_wal_relation *relation =
        find_relation(decoder, message->relation_id, &result);

    return relation == NULL ? result
                            : done_unless_short(pgcwi_wal_changes_add_row(
                                  current_changes(decoder), relation, message));
}

static enum pgcwi_wal_result
take_truncate(struct pgcwi_wal_decoder *decoder,
              const struct pgcwi_pgoutput *message)
{
    struct pgcwi_pgoutput_list rest = message->relation_ids;
    enum pgcwi_wal_result result = PGCWI_WAL_MORE;

    while (rest.count > 0 && result == PGCWI_WAL_MORE) {
        const struct pgcwi_wal_relation *relation =
            find_relation(decoder, pgcwi_pgoutput_next_id(&rest), &result);

        if (relation != NULL) {
            result = done_unless_short(pgcwi_wal_changes_add_truncate(
                current_changes(decoder), relation));
        }
    }
    return result;
}

static enum pgcwi_wal_result
take_event(struct pgcwi_wal_decoder *decoder,
           const struct pgcwi_pgoutput *message)
{
    if (!message->is_transactional ||
        strcmp(message->name, decoder->channel) != 0) {
        return PGCWI_WAL_MORE;
    }
    return done_unless_short(pgcwi_wal_changes_add_message(
        current_changes(decoder), message->content));
}

static enum pgcwi_wal_result
start_stream(struct pgcwi_wal_decoder *decoder, uint32_t xid)
{
    struct stream *stream = *find_stream(decoder, xid);

    if (decoder->open != NULL) {
        return PGCWI_WAL_MALFORMED;
    }
    if (stream == NULL) {
        if (decoder->stream_count == MAX_STREAMS) {
            return PGCWI_WAL_NO_MEMORY;
        }
        stream = pgcwi_alloc_array(1, sizeof(*stream));
        if (stream == NULL) {
            return PGCWI_WAL_NO_MEMORY;
        }
        stream->xid = xid;
        stream->next = decoder->streams;
        decoder->streams = stream;
        decoder->stream_count++;
    }
    decoder->open = stream;
    return PGCWI_WAL_MORE;
}

/* Of a part that is undone, what was taken stays: it invalidates too much. */
static enum pgcwi_wal_result
abort_stream(struct pgcwi_wal_decoder *decoder,
             const struct pgcwi_pgoutput *message)
{
    struct stream **link = find_stream(decoder, message->xid);

    if (message->subxid == message->xid && *link != NULL &&
        *link != decoder->open) {
        end_stream(decoder, link);
    }
    return PGCWI_WAL_MORE;
}

static enum pgcwi_wal_result
commit(uint32_t xid, struct pgcwi_wal_changes *changes,
       const struct pgcwi_pgoutput *message,
       struct pgcwi_wal_transaction **done)
{
    if (changes->count == 0 && !changes->is_gap) {
        return PGCWI_WAL_MORE;
    }
    struct pgcwi_wal_transaction *made = pgcwi_alloc_array(1, sizeof(*made));
    if (made == NULL) {
        return PGCWI_WAL_NO_MEMORY;
    }
    made->xid = xid;
    if (!pgcwi_wal_changes_finish(changes, message->committed_at_us, made)) {
        pgcwi_wal_transaction_destroy(made);
        return PGCWI_WAL_NO_MEMORY;
    }
    *done = made;
    return PGCWI_WAL_COMMITTED;
}

static enum pgcwi_wal_result
commit_stream(struct pgcwi_wal_decoder *decoder,
              const struct pgcwi_pgoutput *message,
              struct pgcwi_wal_transaction **done)
{
    struct stream **link = find_stream(decoder, message->xid);
    enum pgcwi_wal_result result = PGCWI_WAL_MALFORMED;

    if (*link != NULL && *link != decoder->open) {
        result = commit(message->xid, &(*link)->changes, message, done);
        end_stream(decoder, link);
    }
    return result;
}

enum pgcwi_wal_result
pgcwi_wal_decoder_take(struct pgcwi_wal_decoder *decoder, const char *bytes,
                       size_t size, struct pgcwi_wal_transaction **done)
{
    struct pgcwi_pgoutput message;

    if (!pgcwi_pgoutput_read(bytes, size, decoder->open != NULL, &message)) {
        return PGCWI_WAL_MALFORMED;
    }
    switch (message.kind) {
    case PGCWI_PGOUTPUT_BEGIN:
        decoder->xid = message.xid;
        break;
    case PGCWI_PGOUTPUT_COMMIT:
        return commit(decoder->xid, &decoder->changes, &message, done);
    case PGCWI_PGOUTPUT_RELATION:
        decoder->description_count++;
        return done_unless_short(
            pgcwi_wal_relations_describe(&decoder->relations, &message));
    case PGCWI_PGOUTPUT_INSERT:
    case PGCWI_PGOUTPUT_UPDATE:
    case PGCWI_PGOUTPUT_DELETE:
        return take_row(decoder, &message);
    case PGCWI_PGOUTPUT_TRUNCATE:
        return take_truncate(decoder, &message);
    case PGCWI_PGOUTPUT_MESSAGE:
        return take_event(decoder, &message);
    case PGCWI_PGOUTPUT_STREAM_START:
        return start_stream(decoder, message.xid);
    case PGCWI_PGOUTPUT_STREAM_STOP:
        decoder->open = NULL;
        break;
    case PGCWI_PGOUTPUT_STREAM_COMMIT:
        return commit_stream(decoder, &message, done);
    case PGCWI_PGOUTPUT_STREAM_ABORT:
        return abort_stream(decoder, &message);
    case PGCWI_PGOUTPUT_ORIGIN:
    case PGCWI_PGOUTPUT_TYPE:
        break;
    }
    return PGCWI_WAL_MORE;
}
