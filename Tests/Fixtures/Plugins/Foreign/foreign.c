/* A plugin of a major version that no host of ours knows. */
#include <event_handler.h>

EH_EXPORT const void *eh_plugin_entry_v2(void);
const void *eh_plugin_entry_v2(void) { return NULL; }
