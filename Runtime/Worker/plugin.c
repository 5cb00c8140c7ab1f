/* Loads the library, checks and describes what its entry returns. Nothing here believes a field it has not looked at;
 * a wild pointer kills this process, which is what the process is for. */
#include "worker.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((format(printf, 3, 4))) static noreturn void refuse(worker *w, uint8_t code, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    eh_bytes why = cut(eh_text(text), sizeof text - 4);
    wp_writer writer = {.limit = WP_FROM_WORKER_BYTES};
    wp_frame_begin(&writer, WP_REFUSED, 0, 0);
    wp_write_u8(&writer, code);
    wp_write_text(&writer, is_text(why, why.size) ? text : "a text of the plugin is not UTF-8");
    wp_frame_end(&writer);
    channel_send(w, &writer);
    leave(w, EXIT_SUCCESS);
}

#define MISMATCH(...) refuse(w, WP_REFUSED_MISMATCH, __VA_ARGS__)

/* Structs grow at their end, so a newer one is larger; one that is far larger is something else. */
static void check_size(worker *w, const char *what, uint32_t found, size_t expected) {
    if (found < expected || found > 16 * expected)
        MISMATCH("%s.size: expected %zu or somewhat more, found %u", what, expected, found);
}

static void check_count(worker *w, const char *what, uint32_t found, uint32_t least, uint32_t most) {
    if (found < least || found > most) MISMATCH("%s: expected %u to %u, found %u", what, least, most, found);
}

static void check_pointer(worker *w, const char *what, const void *found) {
    if (!found) MISMATCH("%s: expected a pointer, found NULL", what);
}

static void check_text(worker *w, const char *what, const char *found, size_t least, size_t most) {
    check_pointer(w, what, found);
    size_t size = strnlen(found, most + 1);
    eh_bytes text = {found, size};
    if (size < least || size > most)
        MISMATCH("%s: expected %zu to %zu bytes, found %s", what, least, most, size > most ? "more" : "fewer");
    if (!is_identifier(text, most)) MISMATCH("%s: expected UTF-8 without control characters", what);
}

/* An optional NULL-terminated list of texts. */
static uint32_t check_list(worker *w, const char *what, const char *const *list, uint32_t most, size_t text_most) {
    uint32_t count = 0;
    if (!list) return 0;
    for (; list[count]; ++count) {
        if (count == most) MISMATCH("%s: expected at most %u entries and a NULL, found more", what, most);
        check_text(w, what, list[count], 0, text_most);
    }
    return count;
}

static void check_id(worker *w, const char *id) {
    check_text(w, "eh_handler.id", id, 1, 48);
    for (const char *at = id; *at; ++at)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-", *at))
            MISMATCH("eh_handler.id: expected [a-z0-9-]{1,48}, found \"%s\"", id);
}

static void check_handler(worker *w, const eh_handler *h) {
    check_pointer(w, "eh_plugin.handlers[i]", h);
    check_size(w, "eh_handler", h->size, sizeof *h);
    check_id(w, h->id);
    check_count(w, "eh_handler.route_count", h->route_count, 1, 256);
    check_pointer(w, "eh_handler.routes", h->routes);
    for (uint32_t i = 0; i < h->route_count; ++i) {
        check_text(w, "eh_route.source", h->routes[i].source, 1, WP_IDENTIFIER_BYTES);
        check_text(w, "eh_route.detail_type", h->routes[i].detail_type, 1, WP_IDENTIFIER_BYTES);
    }
    if (!h->create) MISMATCH("eh_handler.create: expected a function, found NULL");
    if (!h->handle) MISMATCH("eh_handler.handle: expected a function, found NULL");
    if (!h->destroy) MISMATCH("eh_handler.destroy: expected a function, found NULL");
    if (h->threading != EH_SERIAL && h->threading != EH_CONCURRENT)
        MISMATCH("eh_handler.threading: expected EH_SERIAL or EH_CONCURRENT, found %d", h->threading);
    if (h->summary) check_text(w, "eh_handler.summary", h->summary, 0, 256);
    if (h->config_schema && strnlen(h->config_schema, 65537) > 65536)
        MISMATCH("eh_handler.config_schema: expected at most 64 KiB, found more");
    if (h->config_schema && !is_text(eh_text(h->config_schema), 65536))
        MISMATCH("eh_handler.config_schema: expected UTF-8");
    uint32_t services = check_list(w, "eh_handler.services", h->services, WP_SERVICES, 64);
    for (uint32_t i = 0; i < services; ++i)
        if (!service_find(h->services[i]))
            MISMATCH("eh_handler.services: this host does not have \"%s\"", h->services[i]);
    check_list(w, "eh_handler.business_key", h->business_key, WP_TEMPLATES, WP_STATE_KEY_BYTES);
    check_list(w, "eh_handler.state_keys", h->state_keys, WP_TEMPLATES, WP_STATE_KEY_BYTES);
}

static void check_plugin(worker *w, const eh_plugin *p) {
    check_size(w, "eh_plugin", p->size, sizeof *p);
    check_text(w, "eh_plugin.name", p->name, 1, 128);
    check_text(w, "eh_plugin.version", p->version, 1, 128);
    check_text(w, "eh_plugin.built_with", p->built_with, 0, 128);
    check_count(w, "eh_plugin.handler_count", p->handler_count, 1, 64);
    check_pointer(w, "eh_plugin.handlers", p->handlers);
    for (uint32_t i = 0; i < p->handler_count; ++i) {
        check_handler(w, p->handlers[i]);
        for (uint32_t j = 0; j < i; ++j)
            if (strcmp(p->handlers[i]->id, p->handlers[j]->id) == 0)
                MISMATCH("eh_handler.id: expected each once, found \"%s\" twice", p->handlers[i]->id);
    }
}

/* It must be callable more than once: what it says then is compared with what it said first. */
static void check_again(worker *w, const eh_plugin *first, const eh_plugin *second) {
    wp_writer one = {.limit = WP_DESCRIPTION_BYTES}, other = {.limit = WP_DESCRIPTION_BYTES};
    check_pointer(w, "eh_plugin_entry_v1, called again", second);
    check_plugin(w, second);
    plugin_describe(w, &one, first);
    plugin_describe(w, &other, second);
    if (one.size != other.size || memcmp(one.data, other.data, one.size) != 0)
        MISMATCH("eh_plugin_entry_v1, called again: expected what it said first, found another description");
    free(one.data);
    free(other.data);
}

/* A plugin of another major version has its entry under another name. */
static void refuse_other_major(worker *w, void *library) {
    for (int major = 0; major < 10; ++major) {
        char name[32];
        snprintf(name, sizeof name, "eh_plugin_entry_v%d", major);
        if (major != EH_ABI_MAJOR && dlsym(library, name))
            MISMATCH("major version of event_handler.h: expected %d, found %d", EH_ABI_MAJOR, major);
    }
}

const eh_plugin *plugin_load(worker *w) {
    /* In the sidecar there are many libraries: a plugin's own symbols come before theirs. */
    void *library = dlopen(w->path, RTLD_NOW | RTLD_LOCAL | (w->is_inline ? RTLD_DEEPBIND : 0));
    if (!library) refuse(w, WP_REFUSED_LOAD, "%s", dlerror());
    if (!w->is_inline) close(WP_PLUGIN_FD);
    const eh_plugin *(*entry)(void);
    void *symbol = dlsym(library, "eh_plugin_entry_v1");
    if (!symbol) {
        refuse_other_major(w, library);
        refuse(w, WP_REFUSED_NO_ENTRY, "no symbol eh_plugin_entry_v1");
    }
    memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from an object to a function */
    const eh_plugin *plugin = entry();
    if (!plugin) refuse(w, WP_REFUSED_NO_ENTRY, "eh_plugin_entry_v1 returned NULL");
    check_plugin(w, plugin);
    check_again(w, plugin, entry());
    return plugin;
}

const eh_handler *plugin_handler(const eh_plugin *plugin, const char *id) {
    for (uint32_t i = 0; i < plugin->handler_count; ++i)
        if (strcmp(plugin->handlers[i]->id, id) == 0) return plugin->handlers[i];
    return NULL;
}

/* ---- the description */

static void describe_list(wp_writer *writer, const char *const *list) {
    uint32_t count = 0;
    while (list && list[count]) ++count;
    wp_write_u32(writer, count);
    for (uint32_t i = 0; i < count; ++i) wp_write_text(writer, list[i]);
}

static void describe_handler(wp_writer *writer, const eh_handler *h) {
    wp_write_text(writer, h->id);
    wp_write_text(writer, h->summary ? h->summary : "");
    wp_write_u8(writer, h->threading == EH_CONCURRENT);
    wp_write_u32(writer, h->max_concurrency);
    wp_write_u32(writer, h->max_batch);
    wp_write_text(writer, h->config_schema ? h->config_schema : "");
    wp_write_u32(writer, h->route_count);
    for (uint32_t i = 0; i < h->route_count; ++i) {
        wp_write_text(writer, h->routes[i].source);
        wp_write_text(writer, h->routes[i].detail_type);
    }
    describe_list(writer, h->services);
    describe_list(writer, h->business_key);
    describe_list(writer, h->state_keys);
}

void plugin_describe(worker *w, wp_writer *writer, const eh_plugin *p) {
    wp_write_u32(writer, p->abi_minor);
    wp_write_text(writer, p->name);
    wp_write_text(writer, p->version);
    wp_write_text(writer, p->built_with);
    wp_write_u32(writer, p->handler_count);
    for (uint32_t i = 0; i < p->handler_count; ++i) describe_handler(writer, p->handlers[i]);
    if (writer->failed) MISMATCH("the plugin's description: expected at most %u bytes, found more",
                                 WP_DESCRIPTION_BYTES);
}
