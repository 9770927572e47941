import Foundation
import PluginHost
import TestSupport
import Testing
import Values

/// The host's services, used by a plugin as a stranger would.
@Suite struct ServicesTests {
    /// A plugin whose probe runs `body` and answers with what it wrote into `said`.
    private func answer(_ name: String, _ body: String, _ tree: ParsedValue = ParsedValue(.table([]))) throws -> String
    {
        let source = """
            static dn_status ask(const dn_host *host, dn_bytes config, dn_probe *out, dn_error *err) {
                (void)config; (void)err;
                char *said = out->message;
                const dn_host_config *conf = host->get_interface(host, DN_HOST_CONFIG_1);
                (void)conf;
                \(body)
                out->availability = DN_AVAILABLE;
                return DN_OK;
            }
            #include <stdio.h>
            PLUGIN(.probe = ask)
            """
        let library = try PluginLibrary(path: try PluginFixture.compile(name, "#include <stdio.h>\n" + source))
        let configuration = PluginConfiguration(tree)
        return try library.probe(label: name, configuration: configuration).message
    }

    @Test func configIsReadByPath() throws {
        let tree = try JSONReader.read(#"{"pool": 7, "egress": {"hosts": ["a", "bcd"]}, "strict": true}"#)
        let body = """
            int64_t pool = 0; int32_t strict = 0; uint64_t count = 0; dn_bytes host1 = {0, 0};
            dn_status a = conf->get_int(host, "pool", &pool), b = conf->get_bool(host, "strict", &strict);
            dn_status c = conf->get_count(host, "egress.hosts", &count);
            dn_status d = conf->get_string(host, "egress.hosts.1", &host1);
            dn_status none = conf->get_int(host, "absent", &pool), wrong = conf->get_int(host, "strict", &pool);
            snprintf(said, 256, "%d%d%d%d %lld %d %llu %.*s %d %d", a, b, c, d, (long long)pool, strict,
                (unsigned long long)count, (int)host1.len, host1.data, none, wrong);
            """
        #expect(try answer("config", body, tree) == "0000 7 1 2 bcd -3 -9")
    }

    @Test func unknownServicesAreNull() throws {
        let body = #"snprintf(said, 256, "%d", host->get_interface(host, "dn.host.none/9") == 0);"#
        #expect(try answer("services", body) == "1")
    }

    @Test func aMetricIsDefinedOnce() throws {
        let body = """
            const dn_host_metrics *metrics = host->get_interface(host, DN_HOST_METRICS_1);
            uint32_t first = 9, second = 9;
            dn_status a = metrics->define(host, DN_METRIC_COUNTER, "twice", "Twice.", &first);
            dn_status b = metrics->define(host, DN_METRIC_COUNTER, "twice", "Twice.", &second);
            snprintf(said, 256, "%d %u %d %u", a, first, b, second);
            """
        #expect(try answer("metrics", body) == "0 0 -3 9")
    }

    @Test func aFaultOfAnAttachedThreadComesToItsHandler() throws {
        let body = """
            const dn_host_signal *sig = host->get_interface(host, DN_HOST_SIGNAL_1);
            uint64_t token;
            dn_status attached = sig->attach(host, on_fault, 0, &token);
            int went = sigsetjmp(back, 1);
            if (!went) *(volatile int *)8 = 1;
            kicks = 0;
            sig->kick(host, token);
            sig->detach(host, token);
            sig->kick(host, token);
            snprintf(said, 256, "%d %d %d", attached, went, kicks);
            """
        let prelude = """
            #include <setjmp.h>
            #include <signal.h>
            static sigjmp_buf back;
            static volatile int kicks;
            static int32_t on_fault(void *arg, int32_t signo, void *info, void *context) {
                (void)arg; (void)info; (void)context;
                if (signo == SIGSEGV) siglongjmp(back, signo);
                kicks++;
                return 1;
            }
            """
        let source = """
            \(prelude)
            #include <stdio.h>
            static dn_status ask(const dn_host *host, dn_bytes config, dn_probe *out, dn_error *err) {
                (void)config; (void)err;
                char *said = out->message;
                \(body)
                out->availability = DN_AVAILABLE;
                return DN_OK;
            }
            PLUGIN(.probe = ask)
            """
        let library = try PluginLibrary(path: try PluginFixture.compile("signals", source))
        // On a plain thread: the test runner's own block all signals.
        let done = DispatchSemaphore(value: 0)
        nonisolated(unsafe) var message = ""
        Foundation.Thread {
            message = (try? library.probe(label: "s", configuration: .empty).message) ?? "no answer"
            done.signal()
        }.start()
        done.wait()
        #expect(message == "0 11 1")
    }

    @Test func stopWaitsForJobs() throws {
        let source = """
            #include <unistd.h>
            static const dn_host *mine;
            static volatile int *flag;
            static void job(void *arg) { usleep(30000); *(volatile int *)arg = 1; }
            static volatile int done;
            static dn_status begin(const dn_host *host, dn_bytes c, dn_instance **out, dn_error *err) {
                (void)c; (void)err; (void)flag;
                mine = host;
                const dn_host_jobs *jobs = host->get_interface(host, DN_HOST_JOBS_1);
                if (jobs->submit(host, job, (void *)&done) != DN_OK) return DN_FAILED;
                *out = (dn_instance *)host;
                return DN_OK;
            }
            static void end(dn_instance *i) { (void)i; if (!done) abort(); }
            PLUGIN(.start = begin, .stop = end)
            """
        let library = try PluginLibrary(path: try PluginFixture.compile("jobs", source))
        // The plugin aborts the process when stop comes before its job has run.
        _ = try library.start(label: "jobs", configuration: .empty)
    }
}
