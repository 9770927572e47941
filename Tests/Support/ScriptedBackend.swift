/// A compute plugin without isolation whose functions are one letter: for testing what stands above a backend.
///
/// E echoes input set i to output set i. S does so after 20 ms. L runs until it is stopped. F faults at 0xbad.
/// D reports a dead engine every second time, Z always. X leaves a lying output table. K echoes with key = first byte of data.
public enum ScriptedBackend {
    /// One file has one instance; another under a name of its own.
    public static func compile(as name: String = "scripted") throws -> String {
        try PluginFixture.compile(name, source)
    }

    static let source = #"""
        #include <sys/mman.h>
        #include <time.h>
        #include <stdatomic.h>
        struct dn_image { char letter; };
        struct dn_context { struct dn_engine *engine; struct dn_image *image; uint8_t *base; uint64_t limit; };
        struct dn_engine { _Atomic uint64_t stop; uint64_t stop_reason; int dead; };
        struct dn_instance { const dn_host *host; const dn_host_metrics *metrics; uint32_t contexts, begun; _Atomic int runs; };
        static struct dn_instance only;
        enum { LOW = 0x10000, SYSTEM = 0x10000, DATA = 0x10100 };
        static uint64_t now(void) {
            struct timespec t;
            clock_gettime(CLOCK_MONOTONIC, &t);
            return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
        }
        static dn_status caps(dn_instance *i, dn_compute_caps *out, dn_error *err) {
            (void)i; (void)err;
            out->flags = DN_COMPUTE_HOST_VISIBLE;
            out->image_formats = "letter";
            out->context_max = 1u << 30;
            out->contexts_per_engine = 4;
            return DN_OK;
        }
        static dn_status image_load(dn_instance *i, const dn_image_params *p, dn_image **out, dn_error *err) {
            (void)i;
            if (p->bytes.len == 0) {
                strcpy(err->message, "empty"); err->input_offset = 0; return DN_BAD_IMAGE;
            }
            if (p->bytes.data[0] == 0x7f) return DN_UNSUPPORTED;
            *out = malloc(sizeof **out);
            (*out)->letter = (char)p->bytes.data[0];
            return DN_OK;
        }
        static dn_status image_info(dn_image *i, dn_image_info *out, dn_error *err) {
            (void)i; (void)err;
            out->pointer_bytes = 8; out->system_data = SYSTEM; out->data_begin = DATA; out->context_min = DATA;
            out->resident_bytes = 100;
            return DN_OK;
        }
        static void image_unload(dn_image *i) { free(i); }
        static dn_status engine_create(dn_instance *i, const dn_engine_params *p, dn_engine **out, dn_error *err) {
            (void)i; (void)p; (void)err;
            *out = calloc(1, sizeof **out);
            return DN_OK;
        }
        static void engine_destroy(dn_engine *e) { free(e); }
        static dn_status context_create(dn_engine *e, const dn_context_params *p, dn_context **out, dn_error *err) {
            (void)err;
            *out = calloc(1, sizeof **out);
            (*out)->engine = e; (*out)->limit = p->limit;
            (*out)->base = mmap(0, p->limit, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            only.metrics->add(only.host, only.contexts, 1);
            return DN_OK;
        }
        static dn_status context_load(dn_context *c, dn_image *i, dn_error *err) { (void)err; c->image = i; return DN_OK; }
        static dn_status context_info(dn_context *c, dn_context_info *out, dn_error *err) {
            (void)err;
            out->low = LOW; out->limit = c->limit;
            return DN_OK;
        }
        static dn_status view(dn_context *c, dn_gaddr a, uint64_t n, int32_t access, void **out, dn_error *err) {
            (void)access; (void)err;
            if (a > c->limit || n > c->limit - a) return DN_OUT_OF_RANGE;
            *out = c->base + a;
            return DN_OK;
        }
        static dn_status context_read(dn_context *c, dn_gaddr a, void *to, uint64_t n, dn_error *err) {
            void *p; dn_status s = view(c, a, n, DN_VIEW_READ, &p, err);
            if (s == DN_OK) memcpy(to, p, n);
            return s;
        }
        static dn_status context_write(dn_context *c, dn_gaddr a, const void *from, uint64_t n, dn_error *err) {
            void *p; dn_status s = view(c, a, n, DN_VIEW_WRITE, &p, err);
            if (s == DN_OK) memcpy(p, from, n);
            return s;
        }
        static void context_destroy(dn_context *c) {
            only.metrics->add(only.host, only.contexts, -1);
            munmap(c->base, c->limit);
            free(c);
        }
        static void echo(dn_context *c, int by_byte) {
            dn_guest_system64 *s = (void *)(c->base + SYSTEM);
            dn_guest_set64 *in = (void *)(c->base + s->input_sets), *out = (void *)(c->base + s->output_sets);
            uint64_t count = in[s->input_sets_len].offset, at = (s->heap_begin + 15) & ~15ull;
            dn_guest_item64 *items = (void *)(c->base + at), *given = (void *)(c->base + s->input_items);
            uint64_t n = 0;
            for (uint64_t i = 0; i < s->output_sets_len; i++) {
                out[i].offset = n;
                if (i >= s->input_sets_len) continue;
                for (uint64_t j = in[i].offset; j < in[i + 1].offset && n < count; j++) {
                    items[n] = given[j];
                    if (by_byte && given[j].data_len) items[n].key = c->base[given[j].data];
                    n++;
                }
            }
            out[s->output_sets_len].offset = n;
            s->output_items = at;
            s->exit_code = 0;
        }
        static dn_status run(dn_engine *e, dn_context *c, const dn_run_params *p, dn_run_result *r, dn_error *err) {
            uint64_t begun = now();
            only.metrics->add(only.host, only.begun, 1);
            r->outcome = DN_RUN_EXITED;
            switch (c->image->letter) {
            case 'S': { struct timespec t = {0, 20000000}; nanosleep(&t, 0); echo(c, 0); break; }
            case 'K': echo(c, 1); break;
            case 'L':
                for (;;) {
                    struct timespec t = {0, 100000};
                    nanosleep(&t, 0);
                    if (p->deadline && now() > p->deadline) { r->outcome = DN_RUN_DEADLINE; break; }
                    if (atomic_load(&e->stop) >= p->run_id) { r->outcome = DN_RUN_CANCELLED; break; }
                }
                break;
            case 'F':
                r->outcome = DN_RUN_FAULTED; r->fault_kind = DN_FAULT_READ;
                r->valid = DN_RESULT_ADDRESS; r->fault_address = 0xbad;
                break;
            case 'D':
                if (e->dead || atomic_fetch_add(&only.runs, 1) % 2 == 0) {
                    e->dead = 1; strcpy(err->message, "scripted death"); return DN_ENGINE_DEAD;
                }
                echo(c, 0);
                break;
            case 'Z':
                e->dead = 1; strcpy(err->message, "scripted death"); return DN_ENGINE_DEAD;
            case 'X': {
                dn_guest_system64 *s = (void *)(c->base + SYSTEM);
                s->output_sets = ~0ull - 7;
                break;
            }
            default: echo(c, 0);
            }
            r->run_ns = now() - begun;
            return DN_OK;
        }
        static void interrupt(dn_engine *e, uint64_t run_id, int32_t reason) {
            (void)reason;
            atomic_store(&e->stop, run_id);
        }
        static const dn_compute table = {
            .struct_size = sizeof(dn_compute), .capabilities = caps, .image_load = image_load, .image_info = image_info,
            .image_unload = image_unload, .engine_create = engine_create, .engine_destroy = engine_destroy,
            .context_create = context_create, .context_load = context_load, .context_info = context_info,
            .context_read = context_read, .context_write = context_write, .context_view = view,
            .context_destroy = context_destroy, .run = run, .interrupt = interrupt};
        static const void *give(const char *id) { return strcmp(id, DN_COMPUTE_1) ? 0 : &table; }
        static dn_status begin(const dn_host *host, dn_bytes config, dn_instance **out, dn_error *err) {
            (void)config; (void)err;
            only.host = host;
            only.metrics = host->get_interface(host, DN_HOST_METRICS_1);
            only.metrics->define(host, DN_METRIC_GAUGE, "contexts", "Contexts that exist.", &only.contexts);
            only.metrics->define(host, DN_METRIC_COUNTER, "runs", "Runs that began.", &only.begun);
            *out = &only;
            return DN_OK;
        }
        PLUGIN(.start = begin, .get_interface = give)
        """#
}
