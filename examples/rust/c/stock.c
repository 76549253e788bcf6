/* A C program on an async Rust client. */
#include "stock.h"

#include <pthread.h>
#include <stdio.h>

static const stock *shared;

static void *delivers(void *failed) {
    for (int i = 0; i < 5; i++) {
        if (stock_deliver(shared, "apples", 2) != 0) *(int *)failed = 1;
    }
    return NULL;
}

static int prints(const char *name, size_t length, int64_t count, void *items) {
    printf("%.*s: %lld\n", (int)length, name, (long long)count);
    ++*(int *)items;
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    stock *opened = stock_open(argv[1]);
    if (opened == NULL) return 1;
    shared = opened;

    pthread_t threads[4];
    int failed = 0, items = 0;
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, delivers, &failed);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);

    int right = !failed && stock_deliver(opened, "pears", 2) == 0
        && stock_count(opened, "apples") == 40 && stock_count(opened, "plums") == 0
        && stock_items(opened, prints, &items) == 0 && items == 2;
    stock_close(opened);
    return right ? 0 : 1;
}
