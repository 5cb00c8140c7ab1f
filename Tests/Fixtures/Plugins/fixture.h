/* What the fixture plugins share: the command in a payload, {"do":"..."}, and a name for a status. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <event_handler.h>

/* True if the JSON text holds "key":"value" just so. */
static inline bool fixture_says(eh_bytes json, const char *key, const char *value) {
    char text[160] = "\"";
    strcat(strcat(strcat(strcat(text, key), "\":\""), value), "\"");
    return strstr(json.data, text) != NULL;
}

static inline bool fixture_does(const eh_event *event, const char *command) {
    return fixture_says(event->detail, "do", command);
}

static inline const char *fixture_status(eh_status status) {
    static const char *const names[] = {"ok",          "not-found", "conflict", "too-large",
                                        "expired", "unavailable", "denied",   "invalid"};
    return status <= 0 && status > -8 ? names[-status] : "unknown";
}

#endif
