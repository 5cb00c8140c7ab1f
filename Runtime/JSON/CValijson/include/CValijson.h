/* JSON Schema by valijson, behind C so that Swift can import it. Exceptions end here. It is given schemas that
 * SchemaReader has made plain: known keywords, no references, patterns of its own dialect. */
#ifndef CVALIJSON_H
#define CVALIJSON_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cvalijson_schema cvalijson_schema;

/* A schema from JSON text in UTF-8; NULL, and why, if it is none. To be freed; any thread may use it. */
cvalijson_schema *cvalijson_new(const char *text, size_t size, char *why, size_t why_size);
void cvalijson_free(cvalijson_schema *schema);

/* Hears of one problem: a JSON Pointer into the document, and words. Both are the callee's until it returns. */
typedef void (*cvalijson_report)(void *context, const char *pointer, const char *words);

/* 1: the document is valid. 0: it is not, and `report` heard of at most `most` problems. -1: it cannot be said. */
int cvalijson_validate(
    const cvalijson_schema *schema, const char *text, size_t size, size_t most, void *context,
    cvalijson_report report);

/* 1 if the pattern compiles within the bounds that hold when it is used. */
int cvalijson_is_pattern(const char *pattern);

#ifdef __cplusplus
}
#endif
#endif
