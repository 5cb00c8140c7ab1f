// conversations PLUGIN TIMES FILE...: the same conversations on several threads, each with a worker of its own.
#include "conversation.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 4, MOST = 4096 };

static char **files;
static int file_count, times;
static const char *plugin;

static void *converse(void *argument) {
    int first = *(int *)argument;
    for (int i = first; i < file_count * times; i += THREADS) {
        uint8_t input[MOST];
        FILE *file = fopen(files[i % file_count], "rb");
        if (!file) abort();
        size_t count = fread(input, 1, sizeof input, file);
        fclose(file);
        free(conversation_run(plugin, input, count).said);
    }
    return NULL;
}

int main(int count, char **arguments) {
    if (count < 4) return 2;
    plugin = arguments[1];
    times = atoi(arguments[2]);
    files = arguments + 3;
    file_count = count - 3;
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], NULL, converse, &numbers[i]) != 0) return 1;
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    printf("%d conversations, no report\n", file_count * times);
    return 0;
}
