/* SPDX-License-Identifier: MIT */
#include "cli/scrape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#define ADDRESS_BYTES 2048
#define DEFAULT_PATH "/metrics"
#define FIRST_CAPACITY ((size_t)64 * 1024)

struct pgcwi_scrape {
    /* immutable after open */
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    char shown[ADDRESS_BYTES]; /* the address, without a password */
    /* of the page that is or was read */
    enum pgcwi_scrape_state state;
    bool is_too_long;
    size_t bytes;
    size_t capacity;
    char *page;
    char reason[PGCWI_SCRAPE_REASON_BYTES];
    char curl_reason[CURL_ERROR_SIZE];
};

/* --- addresses --- */

static bool
begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool
refuse_address(struct pgcwi_scrape *scrape, const char *why)
{
    (void)snprintf(scrape->reason, sizeof scrape->reason,
                   "this is no address of a page: %s", why);
    return false;
}

static bool
is_http(CURLU *url)
{
    char *scheme = NULL;
    bool is_known =
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);

    curl_free(scheme);
    return is_known;
}

static CURLUcode
set_default_path(CURLU *url)
{
    char *path = NULL;
    CURLUcode code = curl_url_get(url, CURLUPART_PATH, &path, 0);

    if (code == CURLUE_OK && strcmp(path, "/") == 0) {
        code = curl_url_set(url, CURLUPART_PATH, DEFAULT_PATH, 0);
    }
    curl_free(path);
    return code;
}

/* What is shown has neither a user nor a password. */
static bool
use_url(struct pgcwi_scrape *scrape, CURLU *url)
{
    char *whole = NULL;
    char *shown = NULL;
    bool is_used =
        curl_url_get(url, CURLUPART_URL, &whole, 0) == CURLUE_OK &&
        curl_easy_setopt(scrape->easy, CURLOPT_URL, whole) == CURLE_OK &&
        curl_url_set(url, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
        curl_url_set(url, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_URL, &shown, 0) == CURLUE_OK;

    if (is_used) {
        (void)snprintf(scrape->shown, sizeof scrape->shown, "%s", shown);
    }
    curl_free(whole);
    curl_free(shown);
    return is_used || refuse_address(scrape, "no memory");
}

static bool
set_url(struct pgcwi_scrape *scrape, const char *address)
{
    char text[ADDRESS_BYTES + sizeof "http://"];
    CURLUcode code = CURLUE_OUT_OF_MEMORY;
    CURLU *url = curl_url();
    bool is_set = false;

    (void)snprintf(text, sizeof text, "%s%s",
                   strstr(address, "://") == NULL ? "http://" : "", address);
    if (url != NULL) {
        code = curl_url_set(url, CURLUPART_URL, text, 0);
    }
    if (code == CURLUE_OK) {
        code = set_default_path(url);
    }
    if (code != CURLUE_OK) {
        (void)refuse_address(scrape, curl_url_strerror(code));
    } else if (!is_http(url)) {
        (void)refuse_address(scrape, "neither http nor https");
    } else {
        is_set = use_url(scrape, url);
    }
    curl_url_cleanup(url);
    return is_set;
}

static bool
set_socket(struct pgcwi_scrape *scrape, const char *name, const char *path)
{
    char url[ADDRESS_BYTES + sizeof "http://localhost"];

    if (name == NULL || name[0] == '\0') {
        return refuse_address(scrape, "the path of a socket is missing");
    }
    (void)snprintf(url, sizeof url, "http://localhost%s", path);
    if (curl_easy_setopt(scrape->easy, CURLOPT_UNIX_SOCKET_PATH, name) !=
            CURLE_OK ||
        curl_easy_setopt(scrape->easy, CURLOPT_URL, url) != CURLE_OK) {
        return refuse_address(scrape, "no memory");
    }
    return true;
}

static bool
set_address(struct pgcwi_scrape *scrape, const char *address)
{
    static const char with_host[] = "http+unix://";
    static const char plain[] = "unix:";
    const char *name = address + sizeof with_host - 1;
    size_t name_bytes;
    char *socket;
    bool is_set;

    if (strlen(address) >= ADDRESS_BYTES) {
        return refuse_address(scrape, "too long");
    }
    (void)snprintf(scrape->shown, sizeof scrape->shown, "%s", address);
    if (begins_with(address, plain)) {
        return set_socket(scrape, address + sizeof plain - 1, DEFAULT_PATH);
    }
    if (!begins_with(address, with_host)) {
        return set_url(scrape, address);
    }
    name_bytes = strcspn(name, "/");
    socket = name_bytes == 0
                 ? NULL
                 : curl_easy_unescape(NULL, name, (int)name_bytes, NULL);
    is_set =
        set_socket(scrape, socket,
                   name[name_bytes] == '\0' ? DEFAULT_PATH : name + name_bytes);
    curl_free(socket);
    return is_set;
}

/* --- the page --- */

/* libcurl gives up when fewer bytes are taken than there are. */
static size_t
keep(char *part, size_t size, size_t count, void *context)
{
    struct pgcwi_scrape *scrape = context;
    size_t needed = scrape->bytes + size * count;

    if (needed > PGCWI_SCRAPE_MAX_BYTES) {
        scrape->is_too_long = true;
        return 0;
    }
    if (needed > scrape->capacity) {
        size_t capacity =
            needed > FIRST_CAPACITY ? needed + needed / 2 : FIRST_CAPACITY;
        char *page = realloc(scrape->page, capacity);

        if (page == NULL) {
            return 0;
        }
        scrape->page = page;
        scrape->capacity = capacity;
    }
    memcpy(scrape->page + scrape->bytes, part, size * count);
    scrape->bytes = needed;
    return size * count;
}

static bool
set_options(struct pgcwi_scrape *scrape)
{
    CURL *easy = scrape->easy;

    scrape->headers =
        curl_slist_append(NULL, "Accept: text/plain;version=0.0.4");
    return scrape->headers != NULL &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, scrape->headers) ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "pgcachewatch-top") ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") ==
               CURLE_OK &&
           /* a process of one's own is not behind a proxy */
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, scrape->curl_reason) ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, scrape) == CURLE_OK;
}

struct pgcwi_scrape *
pgcwi_scrape_open(const char *address, char reason[PGCWI_SCRAPE_REASON_BYTES])
{
    struct pgcwi_scrape *scrape = calloc(1, sizeof *scrape);

    (void)snprintf(reason, PGCWI_SCRAPE_REASON_BYTES, "no memory");
    if (scrape == NULL) {
        return NULL;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(scrape);
        return NULL;
    }
    scrape->multi = curl_multi_init();
    scrape->easy = curl_easy_init();
    if (scrape->multi == NULL || scrape->easy == NULL || !set_options(scrape)) {
        pgcwi_scrape_close(scrape);
        return NULL;
    }
    if (!set_address(scrape, address)) {
        (void)snprintf(reason, PGCWI_SCRAPE_REASON_BYTES, "%s", scrape->reason);
        pgcwi_scrape_close(scrape);
        return NULL;
    }
    return scrape;
}

/* No longer read what is read. */
static void
stop(struct pgcwi_scrape *scrape)
{
    if (scrape->state == PGCWI_SCRAPE_RUNNING) {
        (void)curl_multi_remove_handle(scrape->multi, scrape->easy);
        scrape->state = PGCWI_SCRAPE_IDLE;
    }
}

void
pgcwi_scrape_close(struct pgcwi_scrape *scrape)
{
    if (scrape == NULL) {
        return;
    }
    stop(scrape);
    curl_easy_cleanup(scrape->easy);
    (void)curl_multi_cleanup(scrape->multi);
    curl_slist_free_all(scrape->headers);
    curl_global_cleanup();
    free(scrape->page);
    free(scrape);
}

const char *
pgcwi_scrape_address(const struct pgcwi_scrape *scrape)
{
    return scrape->shown;
}

static void
fail(struct pgcwi_scrape *scrape, const char *reason)
{
    scrape->state = PGCWI_SCRAPE_FAILED;
    (void)snprintf(scrape->reason, sizeof scrape->reason, "%s", reason);
}

/* In a word where the system has one: libcurl's text names a host and a port,
 * also where there is a socket. */
static void
fail_by_curl(struct pgcwi_scrape *scrape, CURLcode code)
{
    long number = 0;

    if (code == CURLE_COULDNT_CONNECT) {
        (void)curl_easy_getinfo(scrape->easy, CURLINFO_OS_ERRNO, &number);
    }
    if (number == 0) {
        fail(scrape, scrape->curl_reason[0] != '\0' ? scrape->curl_reason
                                                    : curl_easy_strerror(code));
    } else if (strerror_r((int)number, scrape->curl_reason,
                          sizeof scrape->curl_reason) == 0) {
        fail(scrape, scrape->curl_reason);
    } else {
        fail(scrape, curl_easy_strerror(code));
    }
}

/* The page is read, or will not be. */
static void
finish(struct pgcwi_scrape *scrape, CURLcode code)
{
    long status = 0;

    stop(scrape);
    (void)curl_easy_getinfo(scrape->easy, CURLINFO_RESPONSE_CODE, &status);
    if (scrape->is_too_long) {
        fail(scrape, "the page has more than 4 MiB");
    } else if (code != CURLE_OK) {
        fail_by_curl(scrape, code);
    } else if (status != 200) {
        fail(scrape, "");
        (void)snprintf(scrape->reason, sizeof scrape->reason,
                       "the server answers with status %ld", status);
    } else {
        scrape->state = PGCWI_SCRAPE_DONE;
    }
}

/* Do what can be done without waiting. */
static void
advance(struct pgcwi_scrape *scrape)
{
    int running_count = 0;
    int left_count = 0;
    const CURLMsg *message;

    if (scrape->state != PGCWI_SCRAPE_RUNNING) {
        return;
    }
    if (curl_multi_perform(scrape->multi, &running_count) != CURLM_OK) {
        finish(scrape, CURLE_OUT_OF_MEMORY);
        return;
    }
    message = curl_multi_info_read(scrape->multi, &left_count);
    if (message != NULL && message->msg == CURLMSG_DONE) {
        finish(scrape, message->data.result);
    }
}

void
pgcwi_scrape_start(struct pgcwi_scrape *scrape, long timeout_ms)
{
    stop(scrape);
    scrape->bytes = 0;
    scrape->is_too_long = false;
    scrape->curl_reason[0] = '\0';
    (void)curl_easy_setopt(scrape->easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    if (curl_multi_add_handle(scrape->multi, scrape->easy) != CURLM_OK) {
        fail(scrape, "no memory");
        return;
    }
    scrape->state = PGCWI_SCRAPE_RUNNING;
}

enum pgcwi_scrape_state
pgcwi_scrape_wait(struct pgcwi_scrape *scrape, const int fds[2], int timeout_ms)
{
    bool was_running = scrape->state == PGCWI_SCRAPE_RUNNING;
    struct curl_waitfd others[2];
    unsigned other_count = 0;

    advance(scrape);
    if (was_running && scrape->state != PGCWI_SCRAPE_RUNNING) {
        return scrape->state;
    }
    for (size_t i = 0; i < 2; i++) {
        if (fds[i] >= 0) {
            others[other_count++] =
                (struct curl_waitfd){.fd = fds[i], .events = CURL_WAIT_POLLIN};
        }
    }
    (void)curl_multi_poll(scrape->multi, others, other_count, timeout_ms, NULL);
    advance(scrape);
    return scrape->state;
}

char *
pgcwi_scrape_page(struct pgcwi_scrape *scrape, size_t *bytes)
{
    *bytes = scrape->bytes;
    return scrape->page;
}

const char *
pgcwi_scrape_reason(const struct pgcwi_scrape *scrape)
{
    return scrape->reason;
}
