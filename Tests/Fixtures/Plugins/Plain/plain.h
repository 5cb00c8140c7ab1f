/* A library that knows nothing of us: plain functions, one for each type, which answer 0 if they got `expected`. */
#ifndef PLAIN_H
#define PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAKES(name, type) int32_t plain_##name(type found, const char *expected)
TAKES(i8, int8_t);
TAKES(i16, int16_t);
TAKES(i32, int32_t);
TAKES(i64, int64_t);
TAKES(u8, uint8_t);
TAKES(u16, uint16_t);
TAKES(u32, uint32_t);
TAKES(u64, uint64_t);
TAKES(f32, float);
TAKES(f64, double);
int32_t plain_bool(bool found, const char *expected); /* a macro of C's own, so not by a macro */
int32_t plain_cstr(const char *found, const char *expected);
int32_t plain_bytes(const void *found, size_t size, const char *expected);

/* Returns what it is given. */
#define RETURNS(name, type) type plain_return_##name(int64_t value)
RETURNS(i8, int8_t);
RETURNS(i16, int16_t);
RETURNS(i32, int32_t);
RETURNS(i64, int64_t);
RETURNS(u8, uint8_t);
RETURNS(u16, uint16_t);
RETURNS(u32, uint32_t);
RETURNS(u64, uint64_t);
bool plain_return_bool(int64_t value);
void plain_return_void(int64_t value);

/* 0 if its sixteen arguments are 1 to 16. */
int32_t plain_sixteen(int8_t a, int16_t b, int32_t c, int64_t d, uint8_t e, uint16_t f, uint32_t g, uint64_t h,
                      double i, float j, double k, float l, int64_t m, int64_t n, int64_t o, int64_t p);
int32_t plain_fields(const char *id, const char *source, const char *type, const char *resource, int64_t attempt,
                     uint64_t time, const void *detail, size_t size);
int32_t plain_crash(const char *ignored);
/* Not 0: a file or a socket could be opened. */
int32_t plain_escape(void);

#endif
