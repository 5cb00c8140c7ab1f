// A handler in C++17: greets every settled payment, and counts them in its state.
//
// The contract is C, so no exception may leave a function of the table: each of them is noexcept, and what is thrown
// inside becomes an answer.
#include "event_handler.h"

#include <charconv>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

std::string_view view(eh_bytes bytes) { return {bytes.data, bytes.size}; }
eh_bytes bytes(std::string_view text) { return {text.data(), text.size()}; }

// One instance. It never changes: what must be remembered goes into the host's state.
class Hello {
public:
    explicit Hello(const eh_host *host)
        : host_(host), state_(static_cast<const eh_state *>(host->service(host, EH_SERVICE_STATE))) {}

    void greet(const eh_event *event) const {
        const std::string greeted = std::to_string(count(event) + 1);
        const eh_status status =
            state_->put(host_, event, bytes("greeted"), bytes(greeted), EH_VERSION_ANY, 0);
        if (status != EH_OK) throw std::runtime_error("the count was not written");
        const eh_pair field{bytes("greeted"), bytes(greeted)};
        host_->log(host_, event, EH_INFO, bytes("hello"), &field, 1);
    }

private:
    unsigned long long count(const eh_event *event) const {
        eh_bytes value{};
        const eh_status status = state_->get(host_, event, bytes("greeted"), &value, nullptr);
        if (status == EH_NOT_FOUND) return 0;
        if (status != EH_OK) throw std::runtime_error("the state did not answer");
        unsigned long long count = 0;
        const std::string_view text = view(value);
        std::from_chars(text.data(), text.data() + text.size(), count);
        return count;
    }

    const eh_host *host_;
    const eh_state *state_;
};

eh_status create(const eh_host *host, eh_bytes, void **self, eh_reason *why) noexcept {
    *self = new (std::nothrow) Hello(host);
    if (*self) return EH_OK;
    eh_because(why, "hello.no-memory", "cannot allocate an instance");
    return EH_UNAVAILABLE;
}

void handle(void *self, const eh_batch *batch) noexcept {
    for (uint32_t i = 0; i < batch->count; ++i) {
        try {
            static_cast<const Hello *>(self)->greet(batch->events[i]);
            eh_done(batch->results[i]);
        } catch (const std::exception &error) {
            eh_retry(batch->results[i], 0, "hello.failed", error.what());
        } catch (...) {
            eh_retry(batch->results[i], 0, "hello.failed", "unknown");
        }
    }
}

void destroy(void *self) noexcept { delete static_cast<Hello *>(self); }

constexpr eh_route routes[] = {{"qsl.payments", "Payment.Settled.v1"}};
constexpr const char *services[] = {EH_SERVICE_STATE, nullptr};
constexpr const char *business_key[] = {"/paymentId", nullptr};
constexpr const char *state_keys[] = {"greeted", nullptr};

// C++17 has no designated initialisers: value-initialise, then assign.
eh_handler make_handler() {
    eh_handler handler{};
    handler.size = sizeof handler;
    handler.id = "hello-cpp";
    handler.summary = "Greets settled payments";
    handler.routes = routes;
    handler.route_count = 1;
    handler.create = create;
    handler.handle = handle;
    handler.destroy = destroy;
    handler.services = services;
    handler.business_key = business_key;
    handler.state_keys = state_keys;
    return handler;
}

const eh_handler handler = make_handler();
const eh_handler *const handlers[] = {&handler};

eh_plugin make_plugin() {
    eh_plugin plugin{};
    plugin.size = sizeof plugin;
    plugin.abi_minor = EH_ABI_MINOR;
    plugin.name = "hello-cpp";
    plugin.version = "1.0.0";
    plugin.built_with = "C++17";
    plugin.handlers = handlers;
    plugin.handler_count = 1;
    return plugin;
}

const eh_plugin plugin = make_plugin();

}  // namespace

const eh_plugin *eh_plugin_entry_v1(void) { return &plugin; }
