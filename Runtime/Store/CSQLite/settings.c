#include "csqlite.h"

#include <pthread.h>
#include <sqlite3.h>

static void count_no_memory(void) { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

void csqlite_count_no_memory(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, count_no_memory);
}
