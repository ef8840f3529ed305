/* SPDX-License-Identifier: MIT */
#include "peer_tree.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_CHILDREN 64
#define PATH_BYTES 80

void
peer_tree_visit_threads(pid_t pid, void (*visit)(pid_t tid, void *context),
                        void *context)
{
    char path[PATH_BYTES];
    const struct dirent *entry;

    (void)snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return; /* it has ended */
    }
    while ((entry = readdir(folder)) != NULL) {
        long tid = strtol(entry->d_name, NULL, 10);

        if (tid > 0) {
            visit((pid_t)tid, context);
        }
    }
    (void)closedir(folder);
}

struct children {
    pid_t parent;
    pid_t pids[MOST_CHILDREN];
    size_t count;
};

/* Those that one thread of the parent has started. */
static void
add_children(pid_t tid, void *context)
{
    struct children *children = context;
    char path[PATH_BYTES];
    long pid;

    (void)snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children",
                   (long)children->parent, (long)tid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    while (children->count < MOST_CHILDREN && fscanf(file, "%ld", &pid) == 1) {
        children->pids[children->count++] = (pid_t)pid;
    }
    (void)fclose(file);
}

void
peer_tree_visit(pid_t pid, void (*visit)(pid_t pid, void *context),
                void *context)
{
    struct children children = {.parent = pid};

    visit(pid, context);
    peer_tree_visit_threads(pid, add_children, &children);
    for (size_t i = 0; i < children.count; i++) {
        peer_tree_visit(children.pids[i], visit, context);
    }
}
