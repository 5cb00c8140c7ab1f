#include "CValijson.h"

/* A pattern costs its states for each byte, and no more: libstdc++'s other matcher recurses with the text and may
 * take for ever. Both bounds hold for the patterns of this file alone. */
#define _GLIBCXX_REGEX_STATE_LIMIT 2048
#include <regex>
#include <string>

namespace std {
/* What valijson calls std::regex: a pattern for the whole text, matched in linear time. */
class bounded_regex {
public:
    explicit bounded_regex(const string &pattern)
        : whole(pattern, regex_constants::ECMAScript | regex_constants::nosubs | regex_constants::__polynomial) {}
    basic_regex<char> whole;
};
inline bool regex_search(const string &text, const bounded_regex &pattern) {
    return regex_match(text, pattern.whole);
}
inline bool regex_match(const string &text, const bounded_regex &pattern) { return regex_match(text, pattern.whole); }
inline bool regex_match(const string &text, smatch &found, const bounded_regex &pattern) {
    return regex_match(text, found, pattern.whole);
}
}

#define regex bounded_regex
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>
#undef regex

#include <cstring>
#include <memory>

using nlohmann::json;
using valijson::adapters::NlohmannJsonAdapter;

struct cvalijson_schema {
    valijson::Schema schema;
};

static void copy(const char *text, char *to, size_t size) {
    if (!size) return;
    std::strncpy(to, text, size - 1);
    to[size - 1] = 0;
}

cvalijson_schema *cvalijson_new(const char *text, size_t size, char *why, size_t why_size) {
    try {
        json document = json::parse(text, text + size);
        auto made = std::make_unique<cvalijson_schema>();
        valijson::SchemaParser(valijson::SchemaParser::kDraft7)
            .populateSchema(NlohmannJsonAdapter(document), made->schema);
        return made.release();
    } catch (const std::exception &error) {
        copy(error.what(), why, why_size);
    } catch (...) {
        copy("unknown", why, why_size);
    }
    return nullptr;
}

void cvalijson_free(cvalijson_schema *schema) { delete schema; }

/* valijson's "<root>", "[key]", "[0]" as a JSON Pointer. */
static std::string pointer(const std::vector<std::string> &context) {
    std::string text;
    for (size_t i = 1; i < context.size(); ++i) {
        text += '/';
        for (size_t j = 1; j + 1 < context[i].size(); ++j) {
            char byte = context[i][j];
            if (byte == '~') text += "~0";
            else if (byte == '/') text += "~1";
            else text += byte;
        }
    }
    return text;
}

/* What it says of a container only because something inside is wrong. */
static bool is_echo(const std::string &words) {
    return words.rfind("Failed to validate against schema associated with", 0) == 0
        || words.rfind("Failed to validate item #", 0) == 0;
}

int cvalijson_validate(
    const cvalijson_schema *schema, const char *text, size_t size, size_t most, void *context,
    cvalijson_report report) {
    try {
        json document = json::parse(text, text + size);
        NlohmannJsonAdapter target(document);
        valijson::Validator validator;
        if (validator.validate(schema->schema, target, nullptr)) return 1;
        valijson::ValidationResults results;
        validator.validate(schema->schema, target, &results);
        valijson::ValidationResults::Error error;
        size_t count = 0;
        while (count < most && results.popError(error)) {
            if (is_echo(error.description) && (count || results.numErrors())) continue;
            report(context, pointer(error.context).c_str(), error.description.c_str());
            ++count;
        }
        return 0;
    } catch (...) {
        return -1;
    }
}

int cvalijson_is_pattern(const char *pattern) {
    try {
        std::bounded_regex{pattern};
        return 1;
    } catch (...) {
        return 0;
    }
}
