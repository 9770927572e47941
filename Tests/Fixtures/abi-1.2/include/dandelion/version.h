/* Version numbers of the ABI, the name of the entry symbol, and interface ids. */
#ifndef DANDELION_VERSION_H
#define DANDELION_VERSION_H

/* Layout of everything below. A new major gets a new entry symbol, so both can be looked up side by side. */
#define DN_ABI_MAJOR 1u
/* Slots appended since DN_ABI_MAJOR.0. */
#define DN_ABI_MINOR 2u

/* The first eight bytes of dn_plugin: "DANDELIO" read as a little-endian number. */
#define DN_PLUGIN_MAGIC 0x4f494c45444e4144ull

/* The one symbol that a plugin exports. */
#define DN_ENTRY_SYMBOL "dn_plugin_entry_v1"

/* Third parties name their interfaces by reverse domain: "com.acme.name/1". */
#define DN_COMPUTE_1 "dn.compute/1"
#define DN_COMM_1 "dn.comm/1"
#define DN_TRANSLATE_1 "dn.translate/1" /* Since 1.1 */
#define DN_FLEET_1 "dn.fleet/1"         /* Since 1.2 */
#define DN_HOST_LOG_1 "dn.host.log/1"
#define DN_HOST_METRICS_1 "dn.host.metrics/1"
#define DN_HOST_CONFIG_1 "dn.host.config/1"
#define DN_HOST_SIGNAL_1 "dn.host.signal/1"
#define DN_HOST_JOBS_1 "dn.host.jobs/1"
#define DN_HOST_MEMORY_1 "dn.host.memory/1" /* Since 1.2 */
#define DN_HOST_TURNS_1 "dn.host.turns/1"   /* Since 1.2 */
#define DN_HOST_FILES_1 "dn.host.files/1"   /* Since 1.2 */
#define DN_HOST_EGRESS_1 "dn.host.egress/1" /* Since 1.2 */

#endif
