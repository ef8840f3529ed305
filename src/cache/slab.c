/* SPDX-License-Identifier: MIT */
#include "cache/slab.h"

#include <assert.h>

#include "base/alloc.h"

/* The first chunks of a cache are filled page by page, as it may stay small. */
#define SMALL_CHUNKS 4u
/* More than what the entries fill: one for each size that is not full. */
#define MORE_CHUNKS (PGCWI_SLAB_SIZES + SMALL_CHUNKS)

/* A block that nobody has. */
struct free_block {
    struct free_block *next;
};

struct pgcwi_chunk {
    /* guarded by the slab's lock */
    struct cds_list_head in_size; /* if it has room */
    struct free_block *given_back;
    uint32_t block_bytes;
    uint32_t block_count;
    uint32_t used_count;
    uint32_t cut_count; /* the others were never used */
};

#define FIRST_BLOCK (PGCWI_SLAB_STEP + PGCWI_SLAB_OFFSET)
/* After so many blocks a line is left out. Else the begins of blocks of 128
 * bytes would share half of the sets of the processor's cache. */
#define BLOCKS_IN_STEP 32u
_Static_assert(sizeof(struct pgcwi_chunk) <= FIRST_BLOCK,
               "the head of a chunk lies before its blocks");

void
pgcwi_slab_init(struct pgcwi_slab *slab, uint64_t max_bytes)
{
    slab->most_chunks = max_bytes / PGCWI_SLAB_CHUNK_BYTES + MORE_CHUNKS;
    slab->spare = NULL;
    slab->chunk_count = 0;
    pthread_mutex_init(&slab->lock, NULL);
    for (uint32_t i = 0; i < PGCWI_SLAB_SIZES; i++) {
        CDS_INIT_LIST_HEAD(&slab->with_room[i]);
    }
}

static void
destroy_chunk(struct pgcwi_slab *slab, struct pgcwi_chunk *chunk)
{
    pgcwi_free_pages(chunk, PGCWI_SLAB_CHUNK_BYTES);
    slab->chunk_count--;
}

void
pgcwi_slab_fini(struct pgcwi_slab *slab)
{
    if (slab->spare != NULL) {
        destroy_chunk(slab, slab->spare);
    }
    assert(slab->chunk_count == 0 && "all blocks were given back");
    pthread_mutex_destroy(&slab->lock);
}

static struct cds_list_head *
list_of(struct pgcwi_slab *slab, const struct pgcwi_chunk *chunk)
{
    return &slab->with_room[chunk->block_bytes / PGCWI_SLAB_STEP - 1];
}

static struct pgcwi_chunk *
make_chunk(struct pgcwi_slab *slab)
{
    struct pgcwi_chunk *chunk = NULL;

    if (slab->chunk_count < slab->most_chunks) {
        chunk = pgcwi_alloc_huge(PGCWI_SLAB_CHUNK_BYTES,
                                 slab->chunk_count >= SMALL_CHUNKS);
    }
    slab->chunk_count += chunk != NULL;
    return chunk;
}

static uint32_t
blocks_in_chunk(uint32_t block_bytes)
{
    uint32_t room = (uint32_t)(PGCWI_SLAB_CHUNK_BYTES - FIRST_BLOCK);

    return (uint32_t)((uint64_t)room * BLOCKS_IN_STEP /
                      (BLOCKS_IN_STEP * block_bytes + PGCWI_SLAB_STEP));
}

static struct pgcwi_chunk *
add_chunk(struct pgcwi_slab *slab, uint32_t block_bytes)
{
    struct pgcwi_chunk *chunk = slab->spare;

    slab->spare = NULL;
    if (chunk == NULL) {
        chunk = make_chunk(slab);
    }
    if (chunk != NULL) {
        *chunk = (struct pgcwi_chunk){
            .block_bytes = block_bytes,
            .block_count = blocks_in_chunk(block_bytes),
        };
        cds_list_add(&chunk->in_size, list_of(slab, chunk));
    }
    return chunk;
}

/* One that has room. */
static struct pgcwi_chunk *
find_chunk(struct pgcwi_slab *slab, uint32_t block_bytes)
{
    struct cds_list_head *list =
        &slab->with_room[block_bytes / PGCWI_SLAB_STEP - 1];

    return cds_list_empty(list)
               ? add_chunk(slab, block_bytes)
               : cds_list_first_entry(list, struct pgcwi_chunk, in_size);
}

static void *
cut(struct pgcwi_chunk *chunk)
{
    size_t left_out = chunk->cut_count / BLOCKS_IN_STEP;
    size_t begin = FIRST_BLOCK + chunk->cut_count * (size_t)chunk->block_bytes +
                   left_out * PGCWI_SLAB_STEP;

    chunk->cut_count++;
    return (char *)chunk + begin;
}

static void *
take_from(struct pgcwi_chunk *chunk)
{
    struct free_block *block = chunk->given_back;

    if (block != NULL) {
        chunk->given_back = block->next;
    } else {
        block = cut(chunk);
    }
    if (++chunk->used_count == chunk->block_count) {
        cds_list_del(&chunk->in_size);
    }
    return block;
}

void *
pgcwi_slab_take(struct pgcwi_slab *slab, size_t bytes)
{
    void *block = NULL;

    if (bytes == 0 || bytes > PGCWI_SLAB_MOST_BYTES) {
        return NULL;
    }
    uint32_t block_bytes =
        ((uint32_t)bytes + PGCWI_SLAB_STEP - 1) & ~(PGCWI_SLAB_STEP - 1);
    pthread_mutex_lock(&slab->lock);
    struct pgcwi_chunk *chunk = find_chunk(slab, block_bytes);
    if (chunk != NULL) {
        block = take_from(chunk);
    }
    pthread_mutex_unlock(&slab->lock);
    return block;
}

static struct pgcwi_chunk *
chunk_of(void *block)
{
    size_t behind = (uintptr_t)block & (PGCWI_SLAB_CHUNK_BYTES - 1);

    return (void *)((char *)block - behind);
}

static void
retire_chunk(struct pgcwi_slab *slab, struct pgcwi_chunk *chunk)
{
    cds_list_del(&chunk->in_size);
    if (slab->spare == NULL) {
        slab->spare = chunk;
    } else {
        destroy_chunk(slab, chunk);
    }
}

void
pgcwi_slab_give_back(struct pgcwi_slab *slab, void *block)
{
    struct pgcwi_chunk *chunk = chunk_of(block);
    struct free_block *freed = block;

    pthread_mutex_lock(&slab->lock);
    if (chunk->used_count-- == chunk->block_count) {
        cds_list_add_tail(&chunk->in_size, list_of(slab, chunk));
    }
    freed->next = chunk->given_back;
    chunk->given_back = freed;
    if (chunk->used_count == 0) {
        retire_chunk(slab, chunk);
    }
    pthread_mutex_unlock(&slab->lock);
}
