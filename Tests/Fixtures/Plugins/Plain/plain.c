#include "plain.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int32_t differs(const char *found, const char *expected) { return strcmp(found, expected) != 0; }

#define DEFINE_TAKES(name, type, format)                                                                              \
    TAKES(name, type) {                                                                                                \
        char text[64];                                                                                                 \
        snprintf(text, sizeof text, "%" format, found);                                                               \
        return differs(text, expected);                                                                                \
    }
DEFINE_TAKES(i8, int8_t, PRId8)
DEFINE_TAKES(i16, int16_t, PRId16)
DEFINE_TAKES(i32, int32_t, PRId32)
DEFINE_TAKES(i64, int64_t, PRId64)
DEFINE_TAKES(u8, uint8_t, PRIu8)
DEFINE_TAKES(u16, uint16_t, PRIu16)
DEFINE_TAKES(u32, uint32_t, PRIu32)
DEFINE_TAKES(u64, uint64_t, PRIu64)
DEFINE_TAKES(f32, float, ".9g")
DEFINE_TAKES(f64, double, ".17g")

int32_t plain_bool(bool found, const char *expected) { return differs(found ? "1" : "0", expected); }

int32_t plain_cstr(const char *found, const char *expected) { return differs(found, expected); }

int32_t plain_bytes(const void *found, size_t size, const char *expected) {
    if (size != strlen(expected)) return 2;
    return memcmp(found, expected, size) != 0;
}

RETURNS(i8, int8_t) { return (int8_t)value; }
RETURNS(i16, int16_t) { return (int16_t)value; }
RETURNS(i32, int32_t) { return (int32_t)value; }
RETURNS(i64, int64_t) { return value; }
RETURNS(u8, uint8_t) { return (uint8_t)value; }
RETURNS(u16, uint16_t) { return (uint16_t)value; }
RETURNS(u32, uint32_t) { return (uint32_t)value; }
RETURNS(u64, uint64_t) { return (uint64_t)value; }
bool plain_return_bool(int64_t value) { return value != 0; }
void plain_return_void(int64_t value) { (void)value; }

int32_t plain_sixteen(int8_t a, int16_t b, int32_t c, int64_t d, uint8_t e, uint16_t f, uint32_t g, uint64_t h,
                      double i, float j, double k, float l, int64_t m, int64_t n, int64_t o, int64_t p) {
    bool is_right = a == 1 && b == 2 && c == 3 && d == 4 && e == 5 && f == 6 && g == 7 && h == 8 && i == 9 && j == 10
        && k == 11 && l == 12 && m == 13 && n == 14 && o == 15 && p == 16;
    return !is_right;
}

int32_t plain_fields(const char *id, const char *source, const char *type, const char *resource, int64_t attempt,
                     uint64_t time, const void *detail, size_t size) {
    if (strcmp(id, "e-0") != 0) return 1;
    if (strcmp(source, "test.in") != 0 || strcmp(type, "Thing.Asked.v1") != 0) return 2;
    if (strcmp(resource, "urn:test:thing:1") != 0) return 3;
    if (attempt != 2 || time != 4000) return 4;
    return size != 7 || memcmp(detail, "{\"a\":1}", size) != 0;
}

int32_t plain_crash(const char *ignored) {
    (void)ignored;
    abort();
}

int32_t plain_escape(void) {
    int file = open("/etc/passwd", O_RDONLY);
    int network = socket(AF_INET, SOCK_STREAM, 0);
    return file >= 0 || network >= 0;
}
