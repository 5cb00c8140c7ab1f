// The second stage of the reader: from simdjson's structural indexes to checked nodes.

#include "CSimdjson.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <forward_list>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

using Status = csimdjson_status;
using Node = csimdjson_node;

// Larger texts are refused: offsets have 32 bits, and the index costs four bytes for each byte of text.
constexpr size_t largest = size_t(64) << 20;
// Each thread keeps the index for texts of this size; larger ones get one of their own.
constexpr size_t keptCapacity = size_t(128) << 10;
constexpr size_t keptNodes = keptCapacity / 16;
// Up to here, comparing all pairs of keys is cheaper than sorting them.
constexpr size_t fewKeys = 12;
// A literal of fewer characters and without exponent is always within the range of a double.
constexpr size_t surelyFinite = 300;

using Index = simdjson::internal::dom_parser_implementation;

struct Member {
    std::string_view key;
    uint32_t value;
};

struct Scratch {
    std::unique_ptr<Index> index;
    std::vector<Node> nodes;
    std::vector<uint32_t> open;
    std::vector<std::string_view> keys;
    std::vector<char> text;
    std::vector<Member> members;
    std::string canonical;

    // What one large text needed is not kept for ever.
    void clear() {
        nodes.clear();
        open.clear();
        if (nodes.capacity() > keptNodes) nodes.shrink_to_fit();
        if (keys.capacity() > keptNodes) keys = {};
        if (text.capacity() > keptCapacity) text = {};
    }
};
thread_local Scratch scratch;

bool isSpace(uint8_t c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool isDigit(uint8_t c) { return c >= '0' && c <= '9'; }

int hexValue(uint8_t c) {
    if (isDigit(c)) return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The code unit of the four digits after \u, or -1.
int codeUnit(const uint8_t *digits) {
    int unit = 0;
    for (int i = 0; i < 4; i++) {
        int value = hexValue(digits[i]);
        if (value < 0) return -1;
        unit = unit << 4 | value;
    }
    return unit;
}

size_t writeUTF8(uint32_t point, uint8_t *out) {
    if (point < 0x80) return out[0] = uint8_t(point), 1;
    if (point < 0x800) {
        out[0] = uint8_t(0xC0 | point >> 6);
        out[1] = uint8_t(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = uint8_t(0xE0 | point >> 12);
        out[1] = uint8_t(0x80 | (point >> 6 & 0x3F));
        out[2] = uint8_t(0x80 | (point & 0x3F));
        return 3;
    }
    out[0] = uint8_t(0xF0 | point >> 18);
    out[1] = uint8_t(0x80 | (point >> 12 & 0x3F));
    out[2] = uint8_t(0x80 | (point >> 6 & 0x3F));
    out[3] = uint8_t(0x80 | (point & 0x3F));
    return 4;
}

// Length of the UTF-8 sequence at `p`, 0 if there is none (RFC 3629, section 4).
size_t sequenceLength(const uint8_t *p, size_t left) {
    uint8_t lead = p[0];
    if (lead < 0x80) return 1;
    size_t length = lead >= 0xC2 && lead <= 0xDF ? 2 : (lead & 0xF0) == 0xE0 ? 3 : lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
    if (length == 0 || left < length) return 0;
    uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < length; i++) {
        if ((p[i] & 0xC0) != 0x80) return 0;
    }
    return length;
}

// What a backslash and this letter stand for; 0 for \u and for what no escape is.
constexpr std::array<uint8_t, 256> makeLetters() {
    std::array<uint8_t, 256> letters{};
    for (uint8_t same : {'"', '\\', '/'}) letters[same] = same;
    letters['b'] = '\b';
    letters['f'] = '\f';
    letters['n'] = '\n';
    letters['r'] = '\r';
    letters['t'] = '\t';
    return letters;
}
constexpr std::array<uint8_t, 256> letters = makeLetters();

struct Progress {
    size_t read;
    size_t written;
};

// The way over plain text and escapes of one letter, by vectors; the portable way goes on where it stops, which may be
// anywhere before the end. With `out`, which has room for `length`, the text is written there without its escapes:
// each block is copied whole while it is searched, and what is beyond a backslash is written over.
Progress noSimplePart(const uint8_t *, size_t, uint8_t *) { return {0, 0}; }

#if defined(__x86_64__)
template <bool writes>
__attribute__((target("avx2"))) Progress simplePart(const uint8_t *raw, size_t length, uint8_t *out) {
    const __m256i slash = _mm256_set1_epi8('\\');
    size_t at = 0;
    size_t written = 0;
    // A block, an escape over its end, and a block from there.
    while (at + 66 <= length) {
        __m256i block = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(raw + at));
        if (writes) _mm256_storeu_si256(reinterpret_cast<__m256i *>(out + written), block);
        uint64_t found = uint32_t(_mm256_movemask_epi8(_mm256_cmpeq_epi8(block, slash)));
        size_t done = 0;
        while (found != 0) {
            auto place = size_t(__builtin_ctzll(found));
            uint8_t letter = letters[raw[at + place + 1]];
            if (letter == 0) return {at + place, written + place - done};
            written += place - done;
            done = place + 2;
            if (writes) {
                out[written] = letter;
                block = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(raw + at + done));
                _mm256_storeu_si256(reinterpret_cast<__m256i *>(out + written + 1), block);
            }
            written += 1;
            found &= ~(uint64_t(3) << place);
        }
        size_t end = std::max(done, size_t(32));
        at += end;
        written += end - done;
    }
    return {at, written};
}

bool hasAVX2() {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2");
}
const auto skipSimplePart = hasAVX2() ? simplePart<false> : noSimplePart;
const auto copySimplePart = hasAVX2() ? simplePart<true> : noSimplePart;
#else
const auto skipSimplePart = noSimplePart;
const auto copySimplePart = noSimplePart;
#endif

class Reader {
public:
    Reader(const uint8_t *bytes, size_t length, size_t depth, Scratch &scratch)
        : p(bytes), length(length), depth(depth), s(scratch) {}

    Status status = CSIMDJSON_OK;
    size_t offset = 0;

    void read(Index &index) {
        auto error = index.stage1(p, length, simdjson::stage1_mode::regular);
        if (error == simdjson::EMPTY) return fail(CSIMDJSON_EMPTY, length);
        if (error) return locate(error);
        const uint32_t *at = index.structural_indexes.get();
        size_t count = index.n_structural_indexes;
        for (size_t i = 0; i < count && status == CSIMDJSON_OK; i++) {
            step(at[i], i + 1 < count ? at[i + 1] : length);
        }
        if (status == CSIMDJSON_OK && expected != Expected::nothing) fail(CSIMDJSON_INCOMPLETE, length);
    }

private:
    enum class Expected { value, valueOrEnd, key, keyOrEnd, colon, commaOrEnd, nothing };

    const uint8_t *p;
    size_t length;
    size_t depth;
    Scratch &s;
    Expected expected = Expected::value;

    void fail(Status code, size_t where) {
        status = code;
        offset = where;
    }

    // The vectorised stage says that something is wrong, and not where.
    void locate(simdjson::error_code error) {
        bool inString = false;
        size_t opened = 0;
        for (size_t i = 0; i < length;) {
            size_t sequence = sequenceLength(p + i, length - i);
            if (sequence == 0) return fail(CSIMDJSON_BAD_UTF8, i);
            if (inString && p[i] < 0x20) return fail(CSIMDJSON_BAD_STRING, i);
            if (inString && p[i] == '\\') {
                i += 1;
                if (i < length && p[i] < 0x80) i += 1;
                continue;
            }
            if (p[i] == '"') {
                inString = !inString;
                opened = i;
            }
            i += sequence;
        }
        fail(error == simdjson::UTF8_ERROR ? CSIMDJSON_BAD_UTF8 : CSIMDJSON_BAD_STRING, inString ? opened : length);
    }

    bool takesValue() const { return expected == Expected::value || expected == Expected::valueOrEnd; }
    bool inObject() const { return s.nodes[s.open.back()].kind == CSIMDJSON_OBJECT; }

    void step(size_t at, size_t limit) {
        switch (p[at]) {
        case '{': return openContainer(CSIMDJSON_OBJECT, at, limit);
        case '[': return openContainer(CSIMDJSON_ARRAY, at, limit);
        case '}': return closeContainer(CSIMDJSON_OBJECT, at, limit, Expected::keyOrEnd);
        case ']': return closeContainer(CSIMDJSON_ARRAY, at, limit, Expected::valueOrEnd);
        case ':':
            if (expected != Expected::colon) return fail(CSIMDJSON_UNEXPECTED, at);
            expected = Expected::value;
            return onlySpace(at + 1, limit);
        case ',':
            if (expected != Expected::commaOrEnd) return fail(CSIMDJSON_UNEXPECTED, at);
            expected = inObject() ? Expected::key : Expected::value;
            return onlySpace(at + 1, limit);
        case '"': return string(at, limit);
        default: return scalar(at, limit);
        }
    }

    void onlySpace(size_t from, size_t to) {
        for (; from < to; from++) {
            if (!isSpace(p[from])) return fail(CSIMDJSON_UNEXPECTED, from);
        }
    }

    void add(csimdjson_kind kind, size_t start, size_t end, bool escaped = false) {
        auto next = uint32_t(s.nodes.size() + 1);
        s.nodes.push_back(Node{uint32_t(start), uint32_t(end), next, 0, uint8_t(kind), escaped});
    }

    void valueEnded() {
        if (s.open.empty()) {
            expected = Expected::nothing;
        } else {
            s.nodes[s.open.back()].count += 1;
            expected = Expected::commaOrEnd;
        }
    }

    void openContainer(csimdjson_kind kind, size_t at, size_t limit) {
        if (!takesValue()) return fail(CSIMDJSON_UNEXPECTED, at);
        if (s.open.size() >= depth) return fail(CSIMDJSON_TOO_DEEP, at);
        s.open.push_back(uint32_t(s.nodes.size()));
        add(kind, at, at);
        expected = kind == CSIMDJSON_OBJECT ? Expected::keyOrEnd : Expected::valueOrEnd;
        onlySpace(at + 1, limit);
    }

    void closeContainer(csimdjson_kind kind, size_t at, size_t limit, Expected whenEmpty) {
        bool mayEnd = expected == whenEmpty || expected == Expected::commaOrEnd;
        if (!mayEnd || s.nodes[s.open.back()].kind != kind) return fail(CSIMDJSON_UNEXPECTED, at);
        uint32_t index = s.open.back();
        s.nodes[index].end = uint32_t(at + 1);
        s.nodes[index].next = uint32_t(s.nodes.size());
        if (kind == CSIMDJSON_OBJECT && s.nodes[index].count > 1 && !keysDiffer(index)) return;
        s.open.pop_back();
        valueEnded();
        onlySpace(at + 1, limit);
    }

    void string(size_t at, size_t limit) {
        bool isKey = expected == Expected::key || expected == Expected::keyOrEnd;
        if (!isKey && !takesValue()) return fail(CSIMDJSON_UNEXPECTED, at);
        // Between a string's closing quote and the next structure there is nothing but space.
        size_t end = limit;
        while (end > at + 1 && isSpace(p[end - 1])) end -= 1;
        if (end < at + 2 || p[end - 1] != '"') return fail(CSIMDJSON_BAD_STRING, at);
        bool escaped = std::memchr(p + at + 1, '\\', end - at - 2) != nullptr;
        if (escaped && !escapesAreValid(at + 1, end - 1)) return;
        add(CSIMDJSON_STRING, at, end, escaped);
        if (isKey) {
            expected = Expected::colon;
        } else {
            valueEnded();
        }
    }

    bool escapesAreValid(size_t at, size_t end) {
        at += skipSimplePart(p + at, end - at, nullptr).read;
        while (auto slash = static_cast<const uint8_t *>(std::memchr(p + at, '\\', end - at))) {
            at = size_t(slash - p);
            if (at + 1 >= end) return fail(CSIMDJSON_BAD_ESCAPE, at), false;
            if (p[at + 1] != 'u') {
                if (std::memchr("\"\\/bfnrt", p[at + 1], 8) == nullptr) return fail(CSIMDJSON_BAD_ESCAPE, at), false;
                at += 2;
                at += skipSimplePart(p + at, end - at, nullptr).read;
                continue;
            }
            int unit = at + 6 <= end ? codeUnit(p + at + 2) : -1;
            if (unit < 0) return fail(CSIMDJSON_BAD_ESCAPE, at), false;
            if (unit < 0xD800 || unit > 0xDFFF) {
                at += 6;
                at += skipSimplePart(p + at, end - at, nullptr).read;
                continue;
            }
            bool paired = unit < 0xDC00 && at + 12 <= end && p[at + 6] == '\\' && p[at + 7] == 'u';
            int low = paired ? codeUnit(p + at + 8) : -1;
            if (low < 0xDC00 || low > 0xDFFF) return fail(CSIMDJSON_LONE_SURROGATE, at), false;
            at += 12;
        }
        return true;
    }

    void scalar(size_t at, size_t limit) {
        if (!takesValue()) return fail(CSIMDJSON_UNEXPECTED, at);
        size_t end = limit;
        while (isSpace(p[end - 1])) end -= 1;
        std::string_view text(reinterpret_cast<const char *>(p + at), end - at);
        if (text == "true") {
            add(CSIMDJSON_TRUE, at, end);
        } else if (text == "false") {
            add(CSIMDJSON_FALSE, at, end);
        } else if (text == "null") {
            add(CSIMDJSON_NULL, at, end);
        } else if (p[at] == '-' || isDigit(p[at])) {
            if (!number(at, end)) return;
        } else {
            return fail(CSIMDJSON_UNEXPECTED, at);
        }
        valueEnded();
    }

    size_t digits(size_t at, size_t end) {
        while (at < end && isDigit(p[at])) at += 1;
        return at;
    }

    bool number(size_t start, size_t end) {
        size_t at = start + (p[start] == '-');
        size_t whole = digits(at, end);
        bool isWhole = true;
        if (whole == at || (p[at] == '0' && whole > at + 1)) return fail(CSIMDJSON_BAD_NUMBER, at), false;
        size_t wholeDigits = whole - at;
        at = whole;
        if (at < end && p[at] == '.') {
            isWhole = false;
            size_t fraction = digits(at + 1, end);
            if (fraction == at + 1) return fail(CSIMDJSON_BAD_NUMBER, at), false;
            at = fraction;
        }
        bool hasExponent = at < end && (p[at] | 0x20) == 'e';
        if (hasExponent) {
            isWhole = false;
            size_t sign = at + 1 < end && (p[at + 1] == '+' || p[at + 1] == '-');
            size_t exponent = digits(at + 1 + sign, end);
            if (exponent == at + 1 + sign) return fail(CSIMDJSON_BAD_NUMBER, at), false;
            at = exponent;
        }
        if (at != end) return fail(CSIMDJSON_BAD_NUMBER, at), false;
        if ((hasExponent || end - start > surelyFinite) && !isInRange(start, end)) {
            return fail(CSIMDJSON_NUMBER_RANGE, start), false;
        }
        bool isInteger = isWhole && (wholeDigits < 19 || (wholeDigits == 19 && fitsInt64(start, end)));
        add(isInteger ? CSIMDJSON_INTEGER : CSIMDJSON_NUMBER, start, end);
        return true;
    }

    bool isInRange(size_t start, size_t end) {
        auto text = reinterpret_cast<const char *>(p);
        double value;
        return std::from_chars(text + start, text + end, value).ec == std::errc();
    }

    bool fitsInt64(size_t start, size_t end) {
        auto text = reinterpret_cast<const char *>(p);
        int64_t value;
        return std::from_chars(text + start, text + end, value).ec == std::errc();
    }

    // Compares the keys of an object as they are without escapes; fails at the later one of two that are the same.
    bool keysDiffer(uint32_t object) {
        collectKeys(object);
        auto &keys = s.keys;
        size_t count = keys.size();
        if (count <= fewKeys) {
            for (size_t i = 1; i < count; i++) {
                for (size_t j = 0; j < i; j++) {
                    if (keys[i] == keys[j]) return fail(CSIMDJSON_DUPLICATE_KEY, keyOffset(object, i)), false;
                }
            }
            return true;
        }
        std::sort(keys.begin(), keys.end());
        auto twin = std::adjacent_find(keys.begin(), keys.end());
        if (twin == keys.end()) return true;
        std::vector<char> text(twin->begin(), twin->end());
        std::string_view wanted(text.data(), text.size());
        collectKeys(object);
        size_t later = count - 1;
        while (keys[later] != wanted) later -= 1;
        return fail(CSIMDJSON_DUPLICATE_KEY, keyOffset(object, later)), false;
    }

    size_t keyOffset(uint32_t object, size_t wanted) {
        uint32_t key = object + 1;
        for (; wanted > 0; wanted--) key = s.nodes[key + 1].next;
        return s.nodes[key].start;
    }

    void collectKeys(uint32_t object) {
        s.keys.clear();
        size_t room = 0;
        uint32_t end = s.nodes[object].next;
        for (uint32_t key = object + 1; key < end; key = s.nodes[key + 1].next) {
            if (s.nodes[key].escaped) room += s.nodes[key].end - s.nodes[key].start;
        }
        s.text.resize(room);
        auto out = reinterpret_cast<uint8_t *>(s.text.data());
        for (uint32_t key = object + 1; key < end; key = s.nodes[key + 1].next) {
            const uint8_t *raw = p + s.nodes[key].start + 1;
            size_t size = s.nodes[key].end - s.nodes[key].start - 2;
            if (!s.nodes[key].escaped) {
                s.keys.emplace_back(reinterpret_cast<const char *>(raw), size);
                continue;
            }
            size_t written = csimdjson_unescape(raw, size, out);
            s.keys.emplace_back(reinterpret_cast<const char *>(out), written);
            out += written;
        }
    }
};

// Writes canonical form (RFC 8785).
class Canonicaliser {
public:
    Canonicaliser(const uint8_t *bytes, const Node *nodes, Scratch &scratch)
        : p(bytes), nodes(nodes), out(scratch.canonical), members(scratch.members) {
        out.clear();
        if (out.capacity() > keptCapacity) out.shrink_to_fit();
        members.clear();
        if (members.capacity() > keptNodes) members.shrink_to_fit();
    }

    Status status = CSIMDJSON_OK;
    size_t offset = 0;

    void write(uint32_t index) {
        const Node &node = nodes[index];
        switch (node.kind) {
        case CSIMDJSON_INTEGER:
        case CSIMDJSON_NUMBER: return number(node);
        case CSIMDJSON_STRING: return node.escaped ? string(unescaped(node)) : raw(node);
        case CSIMDJSON_ARRAY: return array(index);
        case CSIMDJSON_OBJECT: return object(index);
        default: return raw(node);
        }
    }

private:
    const uint8_t *p;
    const Node *nodes;
    std::string &out;
    // Of the objects that are being written, each behind those of the one it stands in.
    std::vector<Member> &members;

    std::string_view text(const Node &node) const {
        return {reinterpret_cast<const char *>(p + node.start), node.end - node.start};
    }

    void raw(const Node &node) { out.append(text(node)); }

    std::string unescaped(const Node &node) const {
        std::string plain(node.end - node.start - 2, '\0');
        plain.resize(csimdjson_unescape(p + node.start + 1, plain.size(), reinterpret_cast<uint8_t *>(plain.data())));
        return plain;
    }

    // RFC 8785, section 3.2.2.2: the shortest escapes, and only where JSON needs one.
    void string(std::string_view plain) {
        out += '"';
        for (char c : plain) {
            switch (c) {
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            case '\b': out += "\\b"; break;
            case '\f': out += "\\f"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            default:
                if (uint8_t(c) < 0x20) {
                    out += "\\u00";
                    out += "01"[c >> 4];
                    out += "0123456789abcdef"[c & 15];
                } else {
                    out += c;
                }
            }
        }
        out += '"';
    }

    void number(const Node &node) {
        std::string_view literal = text(node);
        if (literal == "-0") {
            out += '0';
            return;
        }
        // Fifteen digits are exact in a double, and are written as they stand.
        if (node.kind == CSIMDJSON_INTEGER && literal.size() <= 15) return raw(node);
        size_t start = out.size();
        ecmaScript(csimdjson_double(p + node.start, literal.size()));
        bool isInteger = literal.find_first_of(".eE") == std::string_view::npos;
        if (isInteger && std::string_view(out).substr(start) != literal) {
            status = CSIMDJSON_NOT_INTEROPERABLE;
            offset = node.start;
        }
    }

    // Number::toString of ECMA-262, section 6.1.6.1.20: the shortest digits that read back as this value.
    void ecmaScript(double value) {
        if (value == 0) {
            out += '0';
            return;
        }
        char shortest[32];
        auto end = std::to_chars(shortest, shortest + sizeof shortest, value, std::chars_format::scientific).ptr;
        std::string_view written(shortest, size_t(end - shortest));
        if (written.front() == '-') {
            out += '-';
            written.remove_prefix(1);
        }
        size_t mark = written.find('e');
        std::string digits(1, written.front());
        if (mark > 2) digits.append(written.substr(2, mark - 2));
        int exponent = 0;
        auto digitsOfExponent = written.substr(mark + 2);
        std::from_chars(digitsOfExponent.data(), digitsOfExponent.data() + digitsOfExponent.size(), exponent);
        if (written[mark + 1] == '-') exponent = -exponent;
        layOut(digits, exponent + 1);
    }

    // `point`: where the decimal point stands, counted from the first digit.
    void layOut(const std::string &digits, int point) {
        int count = int(digits.size());
        if (count <= point && point <= 21) {
            out.append(digits).append(size_t(point - count), '0');
        } else if (0 < point && point <= 21) {
            out.append(digits, 0, size_t(point)).append(".").append(digits, size_t(point));
        } else if (-6 < point && point <= 0) {
            out.append("0.").append(size_t(-point), '0').append(digits);
        } else {
            out += digits[0];
            if (count > 1) out.append(".").append(digits, 1);
            out.append(point > 0 ? "e+" : "e-").append(std::to_string(std::abs(point - 1)));
        }
    }

    void array(uint32_t index) {
        out += '[';
        uint32_t end = nodes[index].next;
        for (uint32_t at = index + 1; at < end && status == CSIMDJSON_OK; at = nodes[at].next) {
            if (at > index + 1) out += ',';
            write(at);
        }
        out += ']';
    }

    // UTF-16 code units in order (RFC 8785, section 3.2.3), told from UTF-8: the two orders differ only in that
    // surrogates, so characters of four bytes, stand before U+E000.
    static int rank(char c) {
        uint8_t byte = uint8_t(c);
        return byte >= 0xF0 ? 0xED * 16 + (byte - 0xEF) : byte * 16;
    }

    static bool precedes(const Member &a, const Member &b) {
        size_t common = std::min(a.key.size(), b.key.size());
        for (size_t i = 0; i < common; i++) {
            if (a.key[i] != b.key[i]) return rank(a.key[i]) < rank(b.key[i]);
        }
        return a.key.size() < b.key.size();
    }

    void object(uint32_t index) {
        uint32_t end = nodes[index].next;
        size_t first = members.size();
        std::forward_list<std::string> plain;
        for (uint32_t key = index + 1; key < end; key = nodes[key + 1].next) {
            std::string_view name = text(nodes[key]);
            if (nodes[key].escaped) {
                name = plain.emplace_front(unescaped(nodes[key]));
            } else {
                name = name.substr(1, name.size() - 2);
            }
            members.push_back({name, key + 1});
        }
        size_t last = members.size();
        if (!std::is_sorted(members.begin() + ptrdiff_t(first), members.end(), precedes)) {
            std::sort(members.begin() + ptrdiff_t(first), members.end(), precedes);
        }
        out += '{';
        for (size_t at = first; at < last; at++) {
            // A copy: an object within this one may move them.
            Member member = members[at];
            if (at > first) out += ',';
            if (nodes[member.value - 1].escaped) {
                string(member.key);
            } else {
                raw(nodes[member.value - 1]);
            }
            out += ':';
            write(member.value);
            if (status != CSIMDJSON_OK) return;
        }
        members.resize(first);
        out += '}';
    }
};

std::unique_ptr<Index> makeIndex(size_t capacity) {
    std::unique_ptr<Index> index;
    auto error = simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1, index);
    if (error) index.reset();
    return index;
}

}  // namespace

extern "C" csimdjson_result csimdjson_parse(const uint8_t *bytes, size_t length, size_t depth) {
    if (length == 0) return {CSIMDJSON_EMPTY, 0, nullptr, 0};
    if (length > largest) return {CSIMDJSON_TOO_LARGE, largest, nullptr, 0};
    if (length >= 3 && std::memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) return {CSIMDJSON_BYTE_ORDER_MARK, 0, nullptr, 0};
    std::unique_ptr<Index> own;
    if (length > keptCapacity) {
        own = makeIndex(length);
    } else if (!scratch.index) {
        scratch.index = makeIndex(keptCapacity);
    }
    Index *index = own ? own.get() : length > keptCapacity ? nullptr : scratch.index.get();
    if (!index) return {CSIMDJSON_TOO_LARGE, length, nullptr, 0};
    scratch.clear();
    Reader reader(bytes, length, depth, scratch);
    reader.read(*index);
    return {reader.status, reader.offset, scratch.nodes.data(), scratch.nodes.size()};
}

extern "C" size_t csimdjson_unescape(const uint8_t *raw, size_t length, uint8_t *out) {
    uint8_t *start = out;
    for (size_t at = 0; at < length;) {
        Progress simple = copySimplePart(raw + at, length - at, out);
        at += simple.read;
        out += simple.written;
        auto slash = static_cast<const uint8_t *>(std::memchr(raw + at, '\\', length - at));
        size_t plain = (slash ? size_t(slash - raw) : length) - at;
        std::memcpy(out, raw + at, plain);
        out += plain;
        at += plain;
        if (at >= length) break;
        uint8_t letter = raw[at + 1];
        at += 2;
        switch (letter) {
        case 'b': *out++ = '\b'; break;
        case 'f': *out++ = '\f'; break;
        case 'n': *out++ = '\n'; break;
        case 'r': *out++ = '\r'; break;
        case 't': *out++ = '\t'; break;
        case 'u': {
            uint32_t point = uint32_t(codeUnit(raw + at));
            at += 4;
            if (point >= 0xD800 && point <= 0xDBFF) {
                point = 0x10000 + ((point - 0xD800) << 10) + (uint32_t(codeUnit(raw + at + 2)) - 0xDC00);
                at += 6;
            }
            out += writeUTF8(point, out);
            break;
        }
        default: *out++ = letter;
        }
    }
    return size_t(out - start);
}

extern "C" double csimdjson_double(const uint8_t *literal, size_t length) {
    auto text = reinterpret_cast<const char *>(literal);
    double value = 0;
    std::from_chars(text, text + length, value);
    return value;
}

extern "C" uint32_t csimdjson_member(
    const uint8_t *bytes, const csimdjson_node *nodes, uint32_t object, const uint8_t *name, size_t length) {
    uint32_t end = nodes[object].next;
    for (uint32_t key = object + 1; key < end; key = nodes[key + 1].next) {
        const uint8_t *raw = bytes + nodes[key].start + 1;
        size_t size = nodes[key].end - nodes[key].start - 2;
        if (!nodes[key].escaped) {
            if (size == length && std::memcmp(raw, name, length) == 0) return key + 1;
            continue;
        }
        std::vector<uint8_t> plain(size);
        if (csimdjson_unescape(raw, size, plain.data()) == length && std::memcmp(plain.data(), name, length) == 0) {
            return key + 1;
        }
    }
    return 0;
}

extern "C" void csimdjson_members(
    const uint8_t *bytes, const csimdjson_node *nodes, uint32_t object, const csimdjson_name *names, size_t count,
    uint32_t *places) {
    std::fill(places, places + count, 0);
    uint32_t end = nodes[object].next;
    for (uint32_t key = object + 1; key < end; key = nodes[key + 1].next) {
        const uint8_t *name = bytes + nodes[key].start + 1;
        size_t size = nodes[key].end - nodes[key].start - 2;
        std::vector<uint8_t> plain;
        if (nodes[key].escaped) {
            plain.resize(size);
            size = csimdjson_unescape(name, size, plain.data());
            name = plain.data();
        }
        for (size_t index = 0; index < count; index++) {
            if (names[index].length != size || std::memcmp(names[index].bytes, name, size) != 0) continue;
            places[index] = key + 1;
            break;
        }
    }
}

extern "C" csimdjson_text csimdjson_canonicalise(const uint8_t *bytes, const csimdjson_node *nodes, uint32_t index) {
    Canonicaliser canonicaliser(bytes, nodes, scratch);
    canonicaliser.write(index);
    const std::string &out = scratch.canonical;
    return {
        canonicaliser.status, canonicaliser.offset, reinterpret_cast<const uint8_t *>(out.data()), out.size(),
    };
}
