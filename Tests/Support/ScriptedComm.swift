/// A communication plugin that lies: for testing that the host takes no harm from one with mistakes.
///
/// The request's first byte says what its poll does. Y: answers "yes". N: one output of no address and five bytes. O: two outputs, no
/// array. 0: none. A: outputs at an address that is no memory. B: an output there. G: one that ends in a page without rights.
/// H: one of 2^40 bytes. L: one of 1 MiB. U: also completes a token that nobody gave. S: fails as the protocol's status 503. 2: completes twice. C: claims 2^64 - 1 completions. P: fails. R: cannot connect twice, then answers "yes". I: breaks twice after it was
/// sent, as a request that may be repeated, then answers; M: the same, but may not be repeated. With flag -DDESCRIPTOR=-1 reactors have no descriptor.
public enum ScriptedComm {
    public static func compile(_ name: String, flags: [String] = []) throws -> String {
        try PluginFixture.compile(name, source, flags: flags)
    }

    static let source = #"""
        #include <sys/eventfd.h>
        #include <sys/mman.h>
        #ifndef DESCRIPTOR
        #define DESCRIPTOR eventfd(0, EFD_NONBLOCK)
        #endif
        struct dn_reactor { int descriptor, tries; uint64_t token; char letter; };
        static const dn_comm_signature signatures[] = {{"requests", "replies"}};
        static const dn_comm_protocol offered[] = {{sizeof(dn_comm_protocol), 1, "lie", signatures}};
        static dn_status protocols(dn_instance *i, const dn_comm_protocol **out, uint64_t *count, dn_error *err) {
            (void)i; (void)err;
            *out = offered; *count = 1;
            return DN_OK;
        }
        static dn_status validate(dn_instance *i, const dn_comm_request *r, dn_request_info *out, dn_error *err) {
            (void)i; (void)err;
            out->idempotent = r->inputs[0].data[0] == 'I' ? DN_IDEMPOTENT_YES : DN_IDEMPOTENT_NO;
            return DN_OK;
        }
        static dn_status create(dn_instance *i, const dn_reactor_params *p, dn_reactor **out, dn_error *err) {
            (void)i; (void)p; (void)err;
            *out = calloc(1, sizeof **out);
            (*out)->descriptor = DESCRIPTOR;
            return DN_OK;
        }
        static void destroy(dn_reactor *r) { free(r); }
        static int32_t descriptor(dn_reactor *r) { return r->descriptor; }
        static dn_status submit(dn_reactor *r, const dn_comm_request *request, dn_error *err) {
            (void)err;
            r->token = request->token; r->letter = (char)request->inputs[0].data[0];
            eventfd_write(r->descriptor, 1);
            return DN_OK;
        }
        static dn_status poll_(
            dn_reactor *r, uint64_t timeout, dn_completion *out, uint64_t capacity, uint64_t *count, dn_error *err) {
            static const dn_bytes nothing = {0, 5}, yes = {(const uint8_t *)"yes", 3};
            (void)timeout; (void)capacity;
            eventfd_t value;
            if (r->letter != 'W') eventfd_read(r->descriptor, &value);
            *count = 0;
            if (!r->letter) return DN_OK;
            if (r->letter == 'P') { strcpy(err->message, "scripted failure"); return DN_FAILED; }
            out->outcome = DN_COMM_OK; out->token = r->token;
            if (strchr("0ABGHLU2", r->letter)) {
                static uint8_t large[1 << 20];
                static dn_bytes lie;
                uint8_t *pages = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                mprotect(pages + 4096, 4096, PROT_NONE);
                lie = (dn_bytes){pages, 8};
                out->outputs = &lie; out->output_count = 1; *count = 1;
                switch (r->letter) {
                case '0': out->output_count = 0; break;
                case 'A': out->outputs = (dn_bytes *)8; break;
                case 'B': lie.data = (uint8_t *)16; break;
                case 'G': lie.len = 5000; break;
                case 'H': lie.len = 1ull << 40; break;
                case 'L': lie = (dn_bytes){large, sizeof large}; break;
                default: out[1] = out[0]; *count = 2; if (r->letter == 'U') out[1].token = 99;
                }
                r->letter = 0;
                return DN_OK;
            }
            if (r->letter == 'S') {
                out->outcome = DN_COMM_PROTOCOL; out->protocol_status = 503;
                r->letter = 0;
                *count = 1;
                return DN_OK;
            }
            if (strchr("RIM", r->letter)) {
                int breaks = r->tries++ % 3 < 2;
                if (breaks) out->outcome = r->letter == 'R' ? DN_COMM_CONNECT : DN_COMM_RESET;
                out->effect = r->letter == 'R' ? DN_EFFECT_NOT_SENT : DN_EFFECT_MAY_HAVE_HAPPENED;
                out->outputs = breaks ? 0 : &yes;
                out->output_count = breaks ? 0 : 1;
                r->letter = 0;
                *count = 1;
                return DN_OK;
            }
            out->outputs = r->letter == 'O' ? 0 : strchr("YW", r->letter) ? &yes : &nothing;
            out->output_count = r->letter == 'O' ? 2 : 1;
            *count = r->letter == 'C' ? ~0ull : 1;
            // W stays, and wakes its host for ever.
            if (r->letter == 'W') { out->outcome = DN_COMM_OK; *count = r->tries++ == 0; return DN_OK; }
            r->letter = 0;
            return DN_OK;
        }
        static void wake(dn_reactor *r) { (void)r; }
        static void cancel(dn_reactor *r, uint64_t token) { (void)r; (void)token; }
        static const dn_comm table = {
            .struct_size = sizeof(dn_comm), .protocols = protocols, .validate = validate, .reactor_create = create,
            .reactor_destroy = destroy, .reactor_fd = descriptor, .submit = submit, .poll = poll_, .wake = wake,
            .cancel = cancel, .release = cancel};
        static const void *give(const char *id) { return strcmp(id, DN_COMM_1) ? 0 : &table; }
        PLUGIN(.get_interface = give)
        """#
}
