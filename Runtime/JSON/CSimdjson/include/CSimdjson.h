/* A strict JSON reader on top of simdjson: its first stage finds the structure with vector instructions; the grammar,
 * the numbers and the keys are checked here, with offsets. C, so that Swift can import it. */
#ifndef CSIMDJSON_H
#define CSIMDJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    CSIMDJSON_NULL,
    CSIMDJSON_FALSE,
    CSIMDJSON_TRUE,
    CSIMDJSON_INTEGER, /* a literal without fraction and exponent that an int64_t holds */
    CSIMDJSON_NUMBER,  /* any other number; a finite double holds it */
    CSIMDJSON_STRING,
    CSIMDJSON_ARRAY,
    CSIMDJSON_OBJECT,
} csimdjson_kind;

/* One value, in the order of the text; an object's children alternate key and value. */
typedef struct {
    uint32_t start; /* of the text, quotes and brackets included */
    uint32_t end;
    uint32_t next;  /* index of the node after this one and all its children */
    uint32_t count; /* children of an array, members of an object */
    uint8_t kind;   /* csimdjson_kind */
    bool escaped;   /* a string that holds a backslash */
} csimdjson_node;

typedef enum {
    CSIMDJSON_OK,
    CSIMDJSON_EMPTY,
    CSIMDJSON_TOO_LARGE,
    CSIMDJSON_BYTE_ORDER_MARK,
    CSIMDJSON_BAD_UTF8,
    CSIMDJSON_BAD_STRING,
    CSIMDJSON_BAD_ESCAPE,
    CSIMDJSON_LONE_SURROGATE,
    CSIMDJSON_BAD_NUMBER,
    CSIMDJSON_NUMBER_RANGE,
    CSIMDJSON_UNEXPECTED,
    CSIMDJSON_INCOMPLETE,
    CSIMDJSON_TOO_DEEP,
    CSIMDJSON_DUPLICATE_KEY,
    CSIMDJSON_NOT_INTEROPERABLE, /* canonical form alone: an integer that a double would change */
} csimdjson_status;

typedef struct {
    csimdjson_status status;
    size_t offset;               /* where, unless OK */
    const csimdjson_node *nodes; /* this thread's, until its next call */
    size_t count;
} csimdjson_result;

/* Reads `length` bytes, which need no padding behind them. */
csimdjson_result csimdjson_parse(const uint8_t *bytes, size_t length, size_t depth);

/* Writes the text between the quotes of a valid string without its escapes; returns the length, at most `length`. */
size_t csimdjson_unescape(const uint8_t *raw, size_t length, uint8_t *out);

/* The index of the value of an object's member, 0 if it has none of that name. */
uint32_t csimdjson_member(
    const uint8_t *bytes, const csimdjson_node *nodes, uint32_t object, const uint8_t *name, size_t length);

typedef struct {
    const uint8_t *bytes;
    size_t length;
} csimdjson_name;

/* The same for `count` names, in one pass; `places` has an element for each. */
void csimdjson_members(
    const uint8_t *bytes, const csimdjson_node *nodes, uint32_t object, const csimdjson_name *names, size_t count,
    uint32_t *places);

typedef struct {
    csimdjson_status status;
    size_t offset;        /* where, unless OK */
    const uint8_t *bytes; /* this thread's, until its next call */
    size_t length;
} csimdjson_text;

/* The canonical form of a value (RFC 8785). */
csimdjson_text csimdjson_canonicalise(const uint8_t *bytes, const csimdjson_node *nodes, uint32_t index);

/* The double nearest to a valid literal that is in range. */
double csimdjson_double(const uint8_t *literal, size_t length);

#ifdef __cplusplus
}
#endif
#endif
