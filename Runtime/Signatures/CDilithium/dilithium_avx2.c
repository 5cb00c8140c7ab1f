// The arithmetic with AVX2: eight coefficients at a time, Montgomery products, transforms in the order of the portable
// path. Always compiled on x86-64, and run where the processor has it.

#include "dilithium_path.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline, target("avx2")))

typedef __m256i octet;

// q^-1 mod 2^32.
#define INVERSE_MODULUS 58728449
// 2^64 / 256 mod q: undoes the factor of the inverse transform, and two Montgomery factors.
#define SCALE_BACK 41978

// 1753^BitRev8(k) * 2^32 mod q, centred (FIPS 204, appendix B, in Montgomery form).
static const int32_t zetas[256] = {
    -4186625, 25847, -2608894, -518909, 237124, -777960, -876248, 466468, 1826347, 2353451, -359251, -2091905,
    3119733, -2884855, 3111497, 2680103, 2725464, 1024112, -1079900, 3585928, -549488, -1119584, 2619752, -2108549,
    -2118186, -3859737, -1399561, -3277672, 1757237, -19422, 4010497, 280005, 2706023, 95776, 3077325, 3530437,
    -1661693, -3592148, -2537516, 3915439, -3861115, -3043716, 3574422, -2867647, 3539968, -300467, 2348700, -539299,
    -1699267, -1643818, 3505694, -3821735, 3507263, -2140649, -1600420, 3699596, 811944, 531354, 954230, 3881043,
    3900724, -2556880, 2071892, -2797779, -3930395, -1528703, -3677745, -3041255, -1452451, 3475950, 2176455, -1585221,
    -1257611, 1939314, -4083598, -1000202, -3190144, -3157330, -3632928, 126922, 3412210, -983419, 2147896, 2715295,
    -2967645, -3693493, -411027, -2477047, -671102, -1228525, -22981, -1308169, -381987, 1349076, 1852771, -1430430,
    -3343383, 264944, 508951, 3097992, 44288, -1100098, 904516, 3958618, -3724342, -8578, 1653064, -3249728,
    2389356, -210977, 759969, -1316856, 189548, -3553272, 3159746, -1851402, -2409325, -177440, 1315589, 1341330,
    1285669, -1584928, -812732, -1439742, -3019102, -3881060, -3628969, 3839961, 2091667, 3407706, 2316500, 3817976,
    -3342478, 2244091, -2446433, -3562462, 266997, 2434439, -1235728, 3513181, -3520352, -3759364, -1197226, -3193378,
    900702, 1859098, 909542, 819034, 495491, -1613174, -43260, -522500, -655327, -3122442, 2031748, 3207046,
    -3556995, -525098, -768622, -3595838, 342297, 286988, -2437823, 4108315, 3437287, -3342277, 1735879, 203044,
    2842341, 2691481, -2590150, 1265009, 4055324, 1247620, 2486353, 1595974, -3767016, 1250494, 2635921, -3548272,
    -2994039, 1869119, 1903435, -1050970, -1333058, 1237275, -3318210, -1430225, -451100, 1312455, 3306115, -1962642,
    -1279661, 1917081, -2546312, -1374803, 1500165, 777191, 2235880, 3406031, -542412, -2831860, -1671176, -1846953,
    -2584293, -3724270, 594136, -3776993, -2013608, 2432395, 2454455, -164721, 1957272, 3369112, 185531, -1207385,
    -3183426, 162844, 1616392, 3014001, 810149, 1652634, -3694233, -1799107, -3038916, 3523897, 3866901, 269760,
    2213111, -975884, 1717735, 472078, -426683, 1723600, -1803090, 1910376, -1667432, -1104333, -260646, -3833893,
    -2939036, -2235985, -420899, -2286327, 183443, -976891, 1612842, -3545687, -554416, 3919660, -48306, -1362209,
    3937738, 1400424, -846154, 1976782,
};

INLINE octet load(const int32_t *x) { return _mm256_loadu_si256((const octet *)x); }
INLINE void store(int32_t *x, octet v) { _mm256_storeu_si256((octet *)x, v); }
INLINE octet all(int32_t x) { return _mm256_set1_epi32(x); }
INLINE octet odd(octet v) { return _mm256_srli_epi64(v, 32); }
// The upper halves of the 64-bit lanes: those of `even` go down, those of `odd` stay.
INLINE octet upper(octet even, octet odd) { return _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa); }

// Products with a constant, in (-q, q). The constant fills the even lanes; `odd_root` those of the odd coefficients.
INLINE octet multiply(octet x, octet root, octet odd_root) {
    const octet q = all(MODULUS), inverse = all(INVERSE_MODULUS);
    octet x_odd = odd(x);
    octet even = _mm256_mul_epi32(x, root), odds = _mm256_mul_epi32(x_odd, odd_root);
    octet a = _mm256_mul_epi32(x, _mm256_mul_epu32(root, inverse));
    octet b = _mm256_mul_epi32(x_odd, _mm256_mul_epu32(odd_root, inverse));
    return _mm256_sub_epi32(upper(even, odds), upper(_mm256_mul_epi32(a, q), _mm256_mul_epi32(b, q)));
}

INLINE void split(octet *a, octet *b, octet root, octet odd_root) {
    octet t = multiply(*b, root, odd_root);
    *b = _mm256_sub_epi32(*a, t);
    *a = _mm256_add_epi32(*a, t);
}

INLINE void join(octet *a, octet *b, octet root, octet odd_root) {
    octet t = _mm256_sub_epi32(*b, *a);
    *a = _mm256_add_epi32(*a, *b);
    *b = multiply(t, root, odd_root);
}

// MARK: - the layers within two octets

// The two sides of each butterfly of one length come to stand in two octets. Called again, they go back.
INLINE void swap4(octet *a, octet *b) {
    octet t = _mm256_permute2x128_si256(*a, *b, 0x20);
    *b = _mm256_permute2x128_si256(*a, *b, 0x31);
    *a = t;
}
INLINE void swap2(octet *a, octet *b) {
    octet t = _mm256_unpacklo_epi64(*a, *b);
    *b = _mm256_unpackhi_epi64(*a, *b);
    *a = t;
}
// Leaves the butterflies of each half in the order 0 2 1 3, which the roots follow.
INLINE void part1(octet *a, octet *b) {
    __m256 x = _mm256_castsi256_ps(*a), y = _mm256_castsi256_ps(*b);
    *a = _mm256_castps_si256(_mm256_shuffle_ps(x, y, 0x88));
    *b = _mm256_castps_si256(_mm256_shuffle_ps(x, y, 0xdd));
}
INLINE void unpart1(octet *a, octet *b) {
    octet t = _mm256_unpacklo_epi32(*a, *b);
    *b = _mm256_unpackhi_epi32(*a, *b);
    *a = t;
}

INLINE octet pick(const int32_t *roots, octet order) { return _mm256_permutevar8x32_epi32(load(roots), order); }

INLINE void split_within(octet *a, octet *b, int pair) {
    swap4(a, b);
    octet root = pick(zetas + 32 + 2 * pair, _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1));
    split(a, b, root, root);
    swap2(a, b);
    root = pick(zetas + 64 + 4 * pair, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
    split(a, b, root, root);
    part1(a, b);
    root = pick(zetas + 128 + 8 * pair, _mm256_setr_epi32(0, 2, 1, 3, 4, 6, 5, 7));
    split(a, b, root, odd(root));
    unpart1(a, b);
    swap2(a, b);
    swap4(a, b);
}

INLINE void join_within(octet *a, octet *b, int pair) {
    swap4(a, b);
    swap2(a, b);
    part1(a, b);
    octet root = pick(zetas + 248 - 8 * pair, _mm256_setr_epi32(7, 5, 6, 4, 3, 1, 2, 0));
    join(a, b, root, odd(root));
    unpart1(a, b);
    root = pick(zetas + 124 - 4 * pair, _mm256_setr_epi32(3, 3, 2, 2, 1, 1, 0, 0));
    join(a, b, root, root);
    swap2(a, b);
    root = pick(zetas + 62 - 2 * pair, _mm256_setr_epi32(1, 1, 1, 1, 0, 0, 0, 0));
    join(a, b, root, root);
    swap4(a, b);
}

// MARK: - the transforms

// Each layer adds less than q: |x| < 2^23 + 8 q at the end.
AVX2 static void transform(polynomial x) {
    octet v[8];
    for (int column = 0; column < 32; column += 8) {
        for (int i = 0; i < 8; i++) v[i] = load(x + column + 32 * i);
        for (int half = 4, k = 1; half > 0; half /= 2) {
            for (int start = 0; start < 8; start += 2 * half, k++) {
                octet root = all(zetas[k]);
                for (int i = start; i < start + half; i++) split(v + i, v + i + half, root, root);
            }
        }
        for (int i = 0; i < 8; i++) store(x + column + 32 * i, v[i]);
    }
    for (int block = 0; block < 8; block++) {
        int32_t *y = x + 32 * block;
        for (int i = 0; i < 4; i++) v[i] = load(y + 8 * i);
        octet root = all(zetas[8 + block]);
        split(v, v + 2, root, root);
        split(v + 1, v + 3, root, root);
        for (int i = 0; i < 2; i++) {
            root = all(zetas[16 + 2 * block + i]);
            split(v + 2 * i, v + 2 * i + 1, root, root);
            split_within(v + 2 * i, v + 2 * i + 1, 2 * block + i);
        }
        for (int i = 0; i < 4; i++) store(y + 8 * i, v[i]);
    }
}

// Each layer doubles: |x| < q becomes |x| < 256 q < 2^31.
AVX2 static void transform_back(polynomial x) {
    octet v[8];
    for (int block = 0; block < 8; block++) {
        int32_t *y = x + 32 * block;
        for (int i = 0; i < 4; i++) v[i] = load(y + 8 * i);
        for (int i = 0; i < 2; i++) {
            join_within(v + 2 * i, v + 2 * i + 1, 2 * block + i);
            octet root = all(zetas[31 - 2 * block - i]);
            join(v + 2 * i, v + 2 * i + 1, root, root);
        }
        octet root = all(zetas[15 - block]);
        join(v, v + 2, root, root);
        join(v + 1, v + 3, root, root);
        for (int i = 0; i < 4; i++) store(y + 8 * i, v[i]);
    }
    for (int column = 0; column < 32; column += 8) {
        for (int i = 0; i < 8; i++) v[i] = load(x + column + 32 * i);
        for (int half = 1, k = 7; half < 8; half *= 2) {
            for (int start = 0; start < 8; start += 2 * half, k--) {
                octet root = all(zetas[k]);
                for (int i = start; i < start + half; i++) join(v + i, v + i + half, root, root);
            }
        }
        for (int i = 0; i < 8; i++) {
            octet y = multiply(v[i], all(SCALE_BACK), all(SCALE_BACK));
            y = _mm256_add_epi32(y, _mm256_and_si256(all(MODULUS), _mm256_srai_epi32(y, 31)));
            store(x + column + 32 * i, y);
        }
    }
}

// (a - multiple of q) / 2^32 in the upper half of each 64-bit lane, for |a| < 2^31 q.
INLINE octet reduce(octet a) {
    octet multiple = _mm256_mul_epi32(a, all(INVERSE_MODULUS));
    return _mm256_sub_epi64(a, _mm256_mul_epi32(multiple, all(MODULUS)));
}

// |row| < q, |others| < 2^23 + 8 q: the sums stay below 2^53.
AVX2 static void combine(
    polynomial w, const polynomial row[COLUMNS], const polynomial z[COLUMNS], const polynomial challenge,
    const polynomial target) {
    for (int i = 0; i < 256; i += 8) {
        octet even = _mm256_setzero_si256(), odds = _mm256_setzero_si256();
        for (int j = 0; j < COLUMNS; j++) {
            octet a = load(row[j] + i), b = load(z[j] + i);
            even = _mm256_add_epi64(even, _mm256_mul_epi32(a, b));
            odds = _mm256_add_epi64(odds, _mm256_mul_epi32(odd(a), odd(b)));
        }
        octet c = load(challenge + i), t = load(target + i);
        even = _mm256_sub_epi64(even, _mm256_mul_epi32(c, t));
        odds = _mm256_sub_epi64(odds, _mm256_mul_epi32(odd(c), odd(t)));
        store(w + i, upper(reduce(even), reduce(odds)));
    }
    transform_back(w);
}

// MARK: - encodings

// Nine bytes are four coefficients, half an octet. Loads sixteen.
AVX2 static int unpack(polynomial z, const uint8_t bytes[Z_BYTES]) {
    const octet spread = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 2, -1, 2, 3, 4, -1, 4, 5, 6, -1, 6, 7, 8, -1));
    const octet shifts = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
    octet largest = _mm256_setzero_si256();
    for (int i = 0; i < 256; i += 8, bytes += 18) {
        octet packed = _mm256_inserti128_si256(
            _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)bytes)),
            _mm_loadu_si128((const __m128i *)(bytes + 9)), 1);
        octet value = _mm256_srlv_epi32(_mm256_shuffle_epi8(packed, spread), shifts);
        value = _mm256_sub_epi32(all(GAMMA1), _mm256_and_si256(value, all(0x3ffff)));
        largest = _mm256_max_epi32(largest, _mm256_abs_epi32(value));
        store(z + i, value);
    }
    return _mm256_movemask_epi8(_mm256_cmpgt_epi32(largest, all(GAMMA1 - BETA - 1))) == 0;
}

// The quotient by 2 gamma2, as in the portable path.
INLINE octet high(const int32_t *w) {
    octet x = _mm256_srli_epi32(_mm256_add_epi32(load(w), all(GAMMA2 - 1)), 11);
    octet quotient = _mm256_srli_epi32(_mm256_mullo_epi32(x, all(22551)), 21);
    return _mm256_andnot_si256(_mm256_cmpeq_epi32(quotient, all(44)), quotient);
}

AVX2 static void pack_high(uint8_t bytes[W1_BYTES], const polynomial w) {
    const octet drop = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
    for (int i = 0; i < 256; i += 32, bytes += 24) {
        octet ab = _mm256_packus_epi32(high(w + i), high(w + i + 8));
        octet cd = _mm256_packus_epi32(high(w + i + 16), high(w + i + 24));
        octet values = _mm256_permutevar8x32_epi32(
            _mm256_packus_epi16(ab, cd), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
        // 6 and 6 bits make 12, 12 and 12 make 24.
        octet pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi16(64 << 8 | 1));
        octet packed = _mm256_shuffle_epi8(_mm256_madd_epi16(pairs, all(4096 << 16 | 1)), drop);
        __m128i halves[2] = {_mm256_castsi256_si128(packed), _mm256_extracti128_si256(packed, 1)};
        memcpy(bytes, halves, 12);
        memcpy(bytes + 12, halves + 1, 12);
    }
}

const struct dilithium_path dilithium_avx2 = {
    .transform = transform, .unpack = unpack, .combine = combine, .pack_high = pack_high};

#endif
