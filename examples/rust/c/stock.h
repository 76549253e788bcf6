/* What is in stock, for C. Every call blocks its thread until it is done; any thread may make it. */
#include <stddef.h>
#include <stdint.h>

typedef struct stock stock;
typedef int stock_each(const char *name, size_t length, int64_t count, void *data);

stock *stock_open(const char *file);
int stock_deliver(const stock *stock, const char *name, int64_t count);
int64_t stock_count(const stock *stock, const char *name);
int stock_items(const stock *stock, stock_each *each, void *data);
void stock_close(stock *stock);
