// Decoding base64url: a table for the portable path, ranges of characters compared 32 at a time for AVX2.

#include "base64url.h"

// The value of each character; none of those that are not in the alphabet is below 64.
enum { NO = 0xff };
static const uint8_t values[256] = {
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, 62, NO, NO,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, NO, NO, NO, NO, NO, NO,
    NO, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, NO, NO, NO, NO, 63,
    NO, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, NO, NO, NO, NO, NO,
    [128 ... 255] = NO,
};

int base64url_decode_portable(const uint8_t *text, size_t length, uint8_t *out) {
    uint8_t seen = 0;
    for (; length >= 4; length -= 4, text += 4, out += 3) {
        uint8_t a = values[text[0]], b = values[text[1]], c = values[text[2]], d = values[text[3]];
        seen |= a | b | c | d;
        out[0] = (uint8_t)(a << 2 | b >> 4);
        out[1] = (uint8_t)(b << 4 | c >> 2);
        out[2] = (uint8_t)(c << 6 | d);
    }
    if (length == 1) return 0;
    if (length > 1) {
        uint8_t a = values[text[0]], b = values[text[1]], c = length == 3 ? values[text[2]] : 0;
        seen |= a | b | c;
        if (length == 3 ? c & 0x03 : b & 0x0f) return 0;
        out[0] = (uint8_t)(a << 2 | b >> 4);
        if (length == 3) out[1] = (uint8_t)(b << 4 | c >> 2);
    }
    return seen < 64;
}

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

// All ones where a character lies between two, which are both below 128: all others compare as negative.
AVX2 static inline __m256i between(__m256i characters, char first, char last) {
    __m256i above = _mm256_cmpgt_epi8(characters, _mm256_set1_epi8((char)(first - 1)));
    return _mm256_and_si256(above, _mm256_cmpgt_epi8(_mm256_set1_epi8((char)(last + 1)), characters));
}

// Four values of six bits, a character each, to three bytes: within pairs, within fours, then without the gaps.
AVX2 static inline __m256i packed(__m256i values) {
    __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
    __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
    const __m256i order = _mm256_setr_epi8(
        2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1, 2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
    return _mm256_permutevar8x32_epi32(
        _mm256_shuffle_epi8(fours, order), _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
}

AVX2 static int decode_avx2(const uint8_t *text, size_t length, uint8_t *out) {
    __m256i valid = _mm256_set1_epi8(-1);
    // 24 bytes come of 32 characters, and 32 are stored: twelve characters more leave room for the other eight.
    for (; length >= 44; length -= 32, text += 32, out += 24) {
        __m256i characters = _mm256_loadu_si256((const __m256i *)text);
        __m256i upper = between(characters, 'A', 'Z'), lower = between(characters, 'a', 'z');
        __m256i digit = between(characters, '0', '9');
        __m256i minus = _mm256_cmpeq_epi8(characters, _mm256_set1_epi8('-'));
        __m256i line = _mm256_cmpeq_epi8(characters, _mm256_set1_epi8('_'));
        __m256i shift = _mm256_or_si256(
            _mm256_or_si256(
                _mm256_and_si256(upper, _mm256_set1_epi8(-'A')), _mm256_and_si256(lower, _mm256_set1_epi8(26 - 'a'))),
            _mm256_or_si256(
                _mm256_and_si256(digit, _mm256_set1_epi8(52 - '0')),
                _mm256_or_si256(
                    _mm256_and_si256(minus, _mm256_set1_epi8(62 - '-')),
                    _mm256_and_si256(line, _mm256_set1_epi8(63 - '_')))));
        __m256i known = _mm256_or_si256(
            _mm256_or_si256(upper, lower), _mm256_or_si256(digit, _mm256_or_si256(minus, line)));
        valid = _mm256_and_si256(valid, known);
        _mm256_storeu_si256((__m256i *)out, packed(_mm256_add_epi8(characters, shift)));
    }
    return _mm256_movemask_epi8(valid) == -1 && base64url_decode_portable(text, length, out);
}
#endif

int base64url_decode(const uint8_t *text, size_t length, uint8_t *out) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return decode_avx2(text, length, out);
#endif
    return base64url_decode_portable(text, length, out);
}
