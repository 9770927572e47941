#ifndef DANDELION_RELEASE_H
#define DANDELION_RELEASE_H

/* The version of the node, its plugins and its tools (semver.org). This is the only place that says it; CHANGELOG.md tells
 * what each version changed. The plugin ABI has a version of its own (Sources/PluginABI/include/dandelion/version.h). */
#define DANDELION_VERSION "0.2.0"

static inline const char *dandelion_version(void) { return DANDELION_VERSION; }

#endif
