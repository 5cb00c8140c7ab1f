// The arithmetic with AVX2: eight coefficients at a time. Seiler's transform (https://eprint.iacr.org/2018/039): signed
// Montgomery products with constants whose half of the reduction is computed beforehand, as many layers as fit in
// registers between load and store. Always compiled on x86-64, and run where the processor has it.
//
// Transforms stay in the order in which the registers hold them at the end. Products do not care; what was never
// transformed, the matrix, is brought into that order when a key is prepared.

#include "dilithium_path.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline, target("avx2")))
#define UNROLLED _Pragma("clang loop unroll(full)") for

typedef __m256i octet;

// q^-1 mod 2^32.
#define INVERSE_MODULUS 58728449

// 1753^BitRev8(k) * 2^32 mod q, centred (FIPS 204, appendix B, in Montgomery form).
static const int32_t zetas[256] = {
    -4186625, 25847, -2608894, -518909, 237124, -777960, -876248, 466468, 1826347, 2353451, -359251, -2091905, 3119733,
    -2884855, 3111497, 2680103, 2725464, 1024112, -1079900, 3585928, -549488, -1119584, 2619752, -2108549, -2118186,
    -3859737, -1399561, -3277672, 1757237, -19422, 4010497, 280005, 2706023, 95776, 3077325, 3530437, -1661693,
    -3592148, -2537516, 3915439, -3861115, -3043716, 3574422, -2867647, 3539968, -300467, 2348700, -539299, -1699267,
    -1643818, 3505694, -3821735, 3507263, -2140649, -1600420, 3699596, 811944, 531354, 954230, 3881043, 3900724,
    -2556880, 2071892, -2797779, -3930395, -1528703, -3677745, -3041255, -1452451, 3475950, 2176455, -1585221, -1257611,
    1939314, -4083598, -1000202, -3190144, -3157330, -3632928, 126922, 3412210, -983419, 2147896, 2715295, -2967645,
    -3693493, -411027, -2477047, -671102, -1228525, -22981, -1308169, -381987, 1349076, 1852771, -1430430, -3343383,
    264944, 508951, 3097992, 44288, -1100098, 904516, 3958618, -3724342, -8578, 1653064, -3249728, 2389356, -210977,
    759969, -1316856, 189548, -3553272, 3159746, -1851402, -2409325, -177440, 1315589, 1341330, 1285669, -1584928,
    -812732, -1439742, -3019102, -3881060, -3628969, 3839961, 2091667, 3407706, 2316500, 3817976, -3342478, 2244091,
    -2446433, -3562462, 266997, 2434439, -1235728, 3513181, -3520352, -3759364, -1197226, -3193378, 900702, 1859098,
    909542, 819034, 495491, -1613174, -43260, -522500, -655327, -3122442, 2031748, 3207046, -3556995, -525098, -768622,
    -3595838, 342297, 286988, -2437823, 4108315, 3437287, -3342277, 1735879, 203044, 2842341, 2691481, -2590150,
    1265009, 4055324, 1247620, 2486353, 1595974, -3767016, 1250494, 2635921, -3548272, -2994039, 1869119, 1903435,
    -1050970, -1333058, 1237275, -3318210, -1430225, -451100, 1312455, 3306115, -1962642, -1279661, 1917081, -2546312,
    -1374803, 1500165, 777191, 2235880, 3406031, -542412, -2831860, -1671176, -1846953, -2584293, -3724270, 594136,
    -3776993, -2013608, 2432395, 2454455, -164721, 1957272, 3369112, 185531, -1207385, -3183426, 162844, 1616392,
    3014001, 810149, 1652634, -3694233, -1799107, -3038916, 3523897, 3866901, 269760, 2213111, -975884, 1717735, 472078,
    -426683, 1723600, -1803090, 1910376, -1667432, -1104333, -260646, -3833893, -2939036, -2235985, -420899, -2286327,
    183443, -976891, 1612842, -3545687, -554416, 3919660, -48306, -1362209, 3937738, 1400424, -846154, 1976782,
};

// The same times q^-1 mod 2^32.
static const int32_t scaled_zetas[256] = {
    -513, 1830765815, -1929875198, -1927777021, 1640767044, 1477910808, 1612161320, 1640734244, 308362795, -1815525077,
    -1374673747, -1091570561, -1929495947, 515185417, -285697463, 625853735, 1727305304, 2082316400, -1364982364,
    858240904, 1806278032, 222489248, -346752664, 684667771, 1654287830, -878576921, -1257667337, -748618600, 329347125,
    1837364258, -1443016191, -1170414139, -1846138265, -1631226336, -1404529459, 1838055109, 1594295555, -1076973524,
    -1898723372, -594436433, -202001019, -475984260, -561427818, 1797021249, -1061813248, 2059733581, -1661512036,
    -1104976547, -1750224323, -901666090, 418987550, 1831915353, -1925356481, 992097815, 879957084, 2024403852,
    1484874664, -1636082790, -285388938, -1983539117, -1495136972, -950076368, -1714807468, -952438995, -1574918427,
    -654783359, 1350681039, -1974159335, -2143979939, 1651689966, 1599739335, 140455867, -1285853323, -1039411342,
    -993005454, 1955560694, -1440787840, 1529189038, 568627424, -2131021878, -783134478, -247357819, -588790216,
    1518161567, 289871779, -86965173, -1262003603, 1708872713, 2135294594, 1787797779, -1018755525, 1638590967,
    -889861155, -120646188, 1665705315, -1669960606, 1321868265, -916321552, 1225434135, 1155548552, -1784632064,
    2143745726, 666258756, 1210558298, 675310538, -1261461890, -1555941048, -318346816, -1999506068, 628664287,
    -1499481951, -1729304568, -695180180, 1422575624, -1375177022, 1424130038, 1777179795, -1185330464, 334803717,
    235321234, -178766299, 168022240, -518252220, 1206536194, 1957047970, 985155484, 1146323031, -894060583, -898413,
    991903578, 1363007700, 746144248, -1363460238, 912367099, 30313375, -1420958686, -605900043, -44694137, -326425360,
    2032221021, 2027833504, 1176904444, 1683520342, 1904936414, 14253662, -421552614, -517299994, 1257750362,
    1014493059, -818371958, 2027935492, 1926727420, 863641633, 1747917558, -1372618620, 1931587462, 1819892093,
    -325927722, 128353682, 1258381762, 2124962073, 908452108, -1123881663, 885133339, -1223601433, 1851023419,
    137583815, 1629985060, -1920467227, -1176751719, -635454918, 1967222129, -1637785316, -1354528380, -642772911,
    6363718, -1536588520, -72690498, 45766801, -1287922800, 694382729, -314284737, 671509323, 1136965286, 235104446,
    985022747, -2070602178, 1779436847, -1045062172, 963438279, 419615363, 1116720494, 831969619, -1078959975,
    1216882040, 1042326957, -300448763, 604552167, -270590488, 1405999311, 756955444, -1021949428, -1276805128,
    713994583, -260312805, 608791570, 371462360, 940195359, 1554794072, 173440395, -1357098057, -1542497137, 1339088280,
    -2126092136, -384158533, 2061661095, -2040058690, -1316619236, 827959816, -883155599, -853476187, -1039370342,
    -596344473, 1726753853, -2047270596, 6087993, 702390549, -1547952704, -1723816713, -110126092, -279505433,
    394851342, -1591599803, 565464272, -260424530, 283780712, -440824168, -1758099917, -71875110, 776003547, 1119856484,
    -1600929361, -1208667171, 1123958025, 1544891539, 879867909, -1499603926, 201262505, 155290192, -1809756372,
    2036925262, 1934038751, -973777462, 400711272, -540420426, 374860238,
};

INLINE octet load(const int32_t *x) { return _mm256_loadu_si256((const octet *)x); }
INLINE void store(int32_t *x, octet v) { _mm256_storeu_si256((octet *)x, v); }
INLINE octet all(int32_t x) { return _mm256_set1_epi32(x); }
INLINE octet odd(octet v) { return _mm256_srli_epi64(v, 32); }

// Given 64-bit values of even and of odd coefficients whose lower halves are zero: their upper halves, in turn.
INLINE octet interleave(octet even, octet odds) { return _mm256_or_si256(odd(even), odds); }

// Constants to multiply by, in the even lanes: those of the even coefficients, those of the odd, and both scaled.
struct roots {
    octet even, odd, scaled_even, scaled_odd;
};

INLINE struct roots same(octet root, octet scaled) { return (struct roots){root, root, scaled, scaled}; }
INLINE struct roots one_root(int k) { return same(all(zetas[k]), all(scaled_zetas[k])); }

// x root / 2^32 mod q, in (-q, q).
INLINE octet multiply(octet x, struct roots root) {
    const octet q = all(MODULUS);
    octet x_odd = odd(x);
    octet even_multiple = _mm256_mul_epi32(_mm256_mul_epi32(x, root.scaled_even), q);
    octet odd_multiple = _mm256_mul_epi32(_mm256_mul_epi32(x_odd, root.scaled_odd), q);
    octet even = _mm256_sub_epi64(_mm256_mul_epi32(x, root.even), even_multiple);
    octet odds = _mm256_sub_epi64(_mm256_mul_epi32(x_odd, root.odd), odd_multiple);
    return interleave(even, odds);
}

INLINE void split(octet *a, octet *b, struct roots root) {
    octet t = multiply(*b, root);
    *b = _mm256_sub_epi32(*a, t);
    *a = _mm256_add_epi32(*a, t);
}

INLINE void join(octet *a, octet *b, struct roots root) {
    octet t = _mm256_sub_epi32(*b, *a);
    *a = _mm256_add_epi32(*a, *b);
    *b = multiply(t, root);
}

// MARK: - the layers within two octets

// The two sides of each butterfly of one length come to stand in two octets. Called again, the first two go back.
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

INLINE struct roots same_roots(int k, octet order) {
    return same(pick(zetas + k, order), pick(scaled_zetas + k, order));
}

INLINE struct roots own_roots(int k, octet order) {
    octet root = pick(zetas + k, order), scaled = pick(scaled_zetas + k, order);
    return (struct roots){root, odd(root), scaled, odd(scaled)};
}

INLINE struct roots roots4(int pair) {
    return same_roots(32 + 2 * pair, _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1));
}
INLINE struct roots roots2(int pair) {
    return same_roots(64 + 4 * pair, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
}
INLINE struct roots roots1(int pair) {
    return own_roots(128 + 8 * pair, _mm256_setr_epi32(0, 2, 1, 3, 4, 6, 5, 7));
}
// The same for the way back, on which the roots are taken from the end.
INLINE struct roots back4(int pair) {
    return same_roots(62 - 2 * pair, _mm256_setr_epi32(1, 1, 1, 1, 0, 0, 0, 0));
}
INLINE struct roots back2(int pair) {
    return same_roots(124 - 4 * pair, _mm256_setr_epi32(3, 3, 2, 2, 1, 1, 0, 0));
}
INLINE struct roots back1(int pair) {
    return own_roots(248 - 8 * pair, _mm256_setr_epi32(7, 5, 6, 4, 3, 1, 2, 0));
}

AVX2 static void arrange(polynomial x) {
    for (int i = 0; i < 256; i += 16) {
        octet a = load(x + i), b = load(x + i + 8);
        swap4(&a, &b);
        swap2(&a, &b);
        part1(&a, &b);
        store(x + i, a);
        store(x + i + 8, b);
    }
}

// MARK: - the transforms

// Each layer adds less than q: |x| < 2^23 + 8 q at the end.
AVX2 static void transform(polynomial x) {
    octet v[8];
    for (int column = 0; column < 32; column += 8) {
        UNROLLED (int i = 0; i < 8; i++) v[i] = load(x + column + 32 * i);
        UNROLLED (int i = 0; i < 4; i++) split(v + i, v + i + 4, one_root(1));
        UNROLLED (int i = 0; i < 4; i++) split(v + i + i / 2 * 2, v + i + i / 2 * 2 + 2, one_root(2 + i / 2));
        UNROLLED (int i = 0; i < 4; i++) split(v + 2 * i, v + 2 * i + 1, one_root(4 + i));
        UNROLLED (int i = 0; i < 8; i++) store(x + column + 32 * i, v[i]);
    }
    // Four pairs at a time: as many products under way as hide their latency.
    for (int pair = 0; pair < 16; pair += 4) {
        int32_t *y = x + 16 * pair;
        UNROLLED (int i = 0; i < 8; i++) v[i] = load(y + 8 * i);
        UNROLLED (int i = 0; i < 4; i++) {
            split(v + i + i / 2 * 2, v + i + i / 2 * 2 + 2, one_root(8 + pair / 2 + i / 2));
        }
        UNROLLED (int i = 0; i < 4; i++) split(v + 2 * i, v + 2 * i + 1, one_root(16 + pair + i));
        UNROLLED (int i = 0; i < 4; i++) swap4(v + 2 * i, v + 2 * i + 1);
        UNROLLED (int i = 0; i < 4; i++) split(v + 2 * i, v + 2 * i + 1, roots4(pair + i));
        UNROLLED (int i = 0; i < 4; i++) swap2(v + 2 * i, v + 2 * i + 1);
        UNROLLED (int i = 0; i < 4; i++) split(v + 2 * i, v + 2 * i + 1, roots2(pair + i));
        UNROLLED (int i = 0; i < 4; i++) part1(v + 2 * i, v + 2 * i + 1);
        UNROLLED (int i = 0; i < 4; i++) split(v + 2 * i, v + 2 * i + 1, roots1(pair + i));
        UNROLLED (int i = 0; i < 8; i++) store(y + 8 * i, v[i]);
    }
}

// x / 2^32 * 2^64 / 256, in 0..<q: undoes the factor of the inverse transform, and two Montgomery factors.
INLINE octet scale_back(octet x, struct roots root) {
    octet y = multiply(x, root);
    return _mm256_add_epi32(y, _mm256_and_si256(all(MODULUS), _mm256_srai_epi32(y, 31)));
}

// Each layer doubles: |x| < q becomes |x| < 256 q < 2^31.
AVX2 static void transform_back(polynomial x) {
    // 2^64 / 256 mod q, alone and times the root of the last layer.
    const struct roots scale = same(all(41978), all(-8395782)), scaled_root = same(all(-3975713), all(-151046689));
    octet v[8];
    for (int pair = 0; pair < 16; pair += 4) {
        int32_t *y = x + 16 * pair;
        UNROLLED (int i = 0; i < 8; i++) v[i] = load(y + 8 * i);
        UNROLLED (int i = 0; i < 4; i++) join(v + 2 * i, v + 2 * i + 1, back1(pair + i));
        UNROLLED (int i = 0; i < 4; i++) unpart1(v + 2 * i, v + 2 * i + 1);
        UNROLLED (int i = 0; i < 4; i++) join(v + 2 * i, v + 2 * i + 1, back2(pair + i));
        UNROLLED (int i = 0; i < 4; i++) swap2(v + 2 * i, v + 2 * i + 1);
        UNROLLED (int i = 0; i < 4; i++) join(v + 2 * i, v + 2 * i + 1, back4(pair + i));
        UNROLLED (int i = 0; i < 4; i++) swap4(v + 2 * i, v + 2 * i + 1);
        UNROLLED (int i = 0; i < 4; i++) join(v + 2 * i, v + 2 * i + 1, one_root(31 - pair - i));
        UNROLLED (int i = 0; i < 4; i++) {
            join(v + i + i / 2 * 2, v + i + i / 2 * 2 + 2, one_root(15 - pair / 2 - i / 2));
        }
        UNROLLED (int i = 0; i < 8; i++) store(y + 8 * i, v[i]);
    }
    for (int column = 0; column < 32; column += 8) {
        UNROLLED (int i = 0; i < 8; i++) v[i] = load(x + column + 32 * i);
        UNROLLED (int i = 0; i < 4; i++) join(v + 2 * i, v + 2 * i + 1, one_root(7 - i));
        UNROLLED (int i = 0; i < 4; i++) join(v + i + i / 2 * 2, v + i + i / 2 * 2 + 2, one_root(3 - i / 2));
        UNROLLED (int i = 0; i < 4; i++) {
            store(x + column + 32 * i, scale_back(_mm256_add_epi32(v[i], v[i + 4]), scale));
            store(x + column + 32 * i + 128, scale_back(_mm256_sub_epi32(v[i + 4], v[i]), scaled_root));
        }
    }
}

// (a - multiple of q) for |a| < 2^31 q: the lower half of each 64-bit lane becomes zero.
INLINE octet reduce(octet a) {
    octet multiple = _mm256_mul_epi32(a, all(INVERSE_MODULUS));
    return _mm256_sub_epi64(a, _mm256_mul_epi32(multiple, all(MODULUS)));
}

// |row| < q, |others| < 2^23 + 8 q: the sums stay below 2^53.
AVX2 static void combine(
    polynomial w, const polynomial row[COLUMNS], const polynomial z[COLUMNS], const polynomial challenge,
    const polynomial target) {
    for (int i = 0; i < 256; i += 8) {
        octet c = load(challenge + i), t = load(target + i);
        octet even = _mm256_mul_epi32(c, t), odds = _mm256_mul_epi32(odd(c), odd(t));
        even = _mm256_sub_epi64(_mm256_setzero_si256(), even);
        odds = _mm256_sub_epi64(_mm256_setzero_si256(), odds);
        UNROLLED (int j = 0; j < COLUMNS; j++) {
            octet a = load(row[j] + i), b = load(z[j] + i);
            even = _mm256_add_epi64(even, _mm256_mul_epi32(a, b));
            odds = _mm256_add_epi64(odds, _mm256_mul_epi32(odd(a), odd(b)));
        }
        store(w + i, interleave(reduce(even), reduce(odds)));
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

// Eight candidates at a time, from 24 bytes. Loads 32.
AVX2 static int select_below(int32_t *x, int room, const uint8_t *bytes, int count) {
    const octet spread = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1));
    int filled = 0;
    for (int i = 0; i < count && filled < room; i += 24) {
        octet packed = _mm256_permutevar8x32_epi32(
            load((const int32_t *)(bytes + i)), _mm256_setr_epi32(0, 1, 2, 2, 3, 4, 5, 5));
        octet values = _mm256_and_si256(_mm256_shuffle_epi8(packed, spread), all(0x7fffff));
        if (room - filled >= 8 && _mm256_movemask_epi8(_mm256_cmpgt_epi32(all(MODULUS), values)) == -1) {
            store(x + filled, values);
            filled += 8;
            continue;
        }
        int32_t candidates[8];
        store(candidates, values);
        for (int j = 0; j < 8 && filled < room; j++) {
            x[filled] = candidates[j];
            filled += candidates[j] < MODULUS;
        }
    }
    return filled;
}

#define ARITHMETIC \
    .transform = transform, .arrange = arrange, .select = select_below, .unpack = unpack, .combine = combine, \
    .pack_high = pack_high

const struct dilithium_path dilithium_avx2 = {ARITHMETIC, .keccak = &keccak_avx2};
// With vectors of 256 bits: longer ones save less here than the lower clock costs what else runs (Decisions/0010).
const struct dilithium_path dilithium_avx512 = {ARITHMETIC, .keccak = &keccak_avx512};

#endif
