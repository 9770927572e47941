/* Goldens of the ABI's layout, checked by every compiler that builds the tree: a change here is a change of version. */
#include <dandelion/abi.h>
#include <stddef.h>

#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " changed its size")
#define AT(type, field, offset) _Static_assert(offsetof(type, field) == (offset), #type "." #field " moved")

SIZE(dn_guest_item64, 40);
SIZE(dn_guest_set64, 24);
SIZE(dn_guest_system64, 72);
SIZE(dn_guest_item32, 20);
SIZE(dn_guest_set32, 12);
SIZE(dn_guest_system32, 36);
SIZE(dn_guest_entry, 104);
SIZE(dn_guest_report, 32);
SIZE(dn_error, 288);
AT(dn_error, message, 32);
SIZE(dn_probe, 272);
SIZE(dn_image_info, 72);
AT(dn_image_info, version, 56);
SIZE(dn_context_info, 48);
SIZE(dn_run_params, 32);
SIZE(dn_run_result, 184);
AT(dn_run_result, detail, 56);
SIZE(dn_request_info, 272);
SIZE(dn_fleet_facts, 288);
AT(dn_fleet_facts, engine, 24);
AT(dn_fleet_facts, settle_time, 280);

#if UINTPTR_MAX == UINT64_MAX
SIZE(dn_bytes, 16);
SIZE(dn_plugin, 120);
AT(dn_plugin, probe, 88);
SIZE(dn_host, 48);
AT(dn_host, get_interface, 40);
SIZE(dn_host_log, 24);
SIZE(dn_host_metrics, 24);
SIZE(dn_host_config, 40);
SIZE(dn_host_signal, 32);
SIZE(dn_host_jobs, 16);
SIZE(dn_host_memory, 32);
SIZE(dn_host_turns, 32);
SIZE(dn_host_files, 16);
SIZE(dn_file_range, 32);
AT(dn_file_range, offset, 8);
SIZE(dn_compute_caps, 48);
SIZE(dn_image_params, 72);
AT(dn_image_params, account, 56);
AT(dn_image_params, entry, 64);
SIZE(dn_engine_params, 16);
SIZE(dn_context_params, 24);
SIZE(dn_compute, 200);
AT(dn_compute, engine_create, 40);
AT(dn_compute, context_create, 64);
AT(dn_compute, run, 128);
AT(dn_compute, interrupt, 136);
AT(dn_compute, context_settle, 144);
AT(dn_compute, image_snapshot, 152);
AT(dn_compute, image_save, 160);
AT(dn_compute, image_restore, 168);
AT(dn_compute, context_map, 176);
AT(dn_compute, context_export, 184);
AT(dn_compute, context_memory, 192);
SIZE(dn_comm_signature, 16);
SIZE(dn_comm_protocol, 24);
SIZE(dn_comm_request, 96);
AT(dn_comm_request, account, 48);
AT(dn_comm_request, trace_parent, 56);
AT(dn_comm_request, trace_state, 72);
AT(dn_comm_request, caller, 88);
SIZE(dn_egress, 48);
AT(dn_egress, method, 32);
SIZE(dn_host_egress, 24);
AT(dn_host_egress, secrets, 16);
SIZE(dn_completion, 320);
AT(dn_completion, message, 64);
SIZE(dn_reactor_params, 16);
SIZE(dn_comm, 88);
AT(dn_comm, submit, 48);
AT(dn_comm, release, 80);
SIZE(dn_translate_params, 88);
AT(dn_translate_params, account, 80);
AT(dn_translate_params, result, 64);
SIZE(dn_translate, 16);
SIZE(dn_fleet_entry, 48);
AT(dn_fleet_entry, revision, 40);
SIZE(dn_fleet_message, 40);
AT(dn_fleet_message, bytes, 16);
AT(dn_fleet_message, number, 32);
SIZE(dn_fleet, 104);
AT(dn_fleet, watch_open, 40);
AT(dn_fleet, queue_close, 96);
#endif
