"""Tests of the suite's own pieces, and short runs of its load generator against a peer. Needs compilers, no node."""

import unittest
import xml.etree.ElementTree as xml

from tcb import count

from suite import azure, bench, load, node, peers, plot, report, stalls, stats, storage


class Statistics(unittest.TestCase):
    def test_percentiles_are_samples(self):
        samples = list(range(1000, 0, -1))
        self.assertEqual(stats.median(samples), 500)
        self.assertEqual(stats.p99(samples), 990)
        self.assertEqual(stats.percentile([7], 0.5), 7)

    def test_tails_need_samples(self):
        self.assertIsNone(stats.p99([1] * 99))
        self.assertIsNone(stats.p999([1] * 9_999))
        self.assertEqual(stats.p999(list(range(1, 10_001))), 9990)

    def test_relative_variance_has_no_unit(self):
        self.assertAlmostEqual(stats.relative_variance([1, 3]), 0.25)
        self.assertAlmostEqual(stats.relative_variance([1000, 3000]), 0.25)

    def test_slope(self):
        self.assertAlmostEqual(stats.slope([(2, 10), (4, 16), (8, 28)]), 3)


class MachineStalls(unittest.TestCase):
    def test_times_are_joined_and_found(self):
        watched = stalls.Stalls(None)
        watched.times = stalls.union([(50, 60), (10, 20), (15, 30)])
        self.assertEqual(watched.times, [(10, 30), (50, 60)])
        self.assertEqual([watched.touch(*span) for span in ((0, 5), (5, 11), (29, 40), (30, 50), (20, 70))],
                         [False, True, True, False, True])


class Reports(unittest.TestCase):
    def test_numbers_keep_three_digits(self):
        written = [report.number(value) for value in (None, 0, 0.0001234, 1.2345, 123.4, 123456, "text")]
        self.assertEqual(written, ["-", "0", "0.000123", "1.23", "123", "123456", "text"])

    def test_targets(self):
        self.assertEqual(report.Target("", 2, 3, at_least=True).met, "no")
        self.assertEqual(report.Target("", 2, 3, at_least=False).met, "yes")
        self.assertIn("no KVM", report.Target("", None, 3, False, "no KVM").row()[-1])

    def test_plot_is_xml_with_a_line_for_each_series(self):
        series = {"a & b": [(1, 10), (100, 1000)], "zero": [(0, 0)], "none": [(1, None)]}
        root = xml.fromstring(plot.line_plot("<title>", "x", "y", series, log_x=True, log_y=True))
        lines = root.findall("{http://www.w3.org/2000/svg}polyline")
        self.assertEqual(len(lines), 1)
        for word in lines[0].get("points").replace(",", " ").split():
            self.assertTrue(0 <= float(word) <= plot.WIDTH)

    def test_plot_without_data(self):
        xml.fromstring(plot.line_plot("empty", "x", "y", {}, log_x=True))


class Schedules(unittest.TestCase):
    def test_poisson_has_the_rate_and_repeats(self):
        schedule = load.poisson(1000, 10)
        self.assertAlmostEqual(len(schedule), 10_000, delta=500)
        self.assertEqual(schedule, load.poisson(1000, 10))

    def test_steps(self):
        schedule = load.steps([(0, 10), (2, 100)], 3, kind=4)
        self.assertEqual(len([due for due, _ in schedule if due < 2]), 20)
        self.assertEqual(len(schedule), 120)

    def test_chain_has_a_fetch_for_each_phase(self):
        self.assertEqual(storage.chain("C", 5).count("HTTP(requests = all"), 5)


class TrustedLines(unittest.TestCase):
    def test_only_code_counts(self):
        text = 'a /* b\nc */\n\n// d\n"/*" e\n"//" \\\n f // */\n'
        self.assertEqual(count.code_lines(text), 4)

    def test_comments_nest_where_the_language_says_so(self):
        text = "/* a /* b */\nc */\nd"
        self.assertEqual((count.code_lines(text, nested=True), count.code_lines(text)), (1, 2))

    def test_strings_of_many_lines(self):
        self.assertEqual(count.code_lines('let a = """\n// not a comment\n"""\n'), 3)


class Azure(unittest.TestCase):
    def test_trace_is_the_sample(self):
        trace = azure.invocations(20, leave_out=0)
        self.assertEqual(len(trace), 12_611)
        self.assertEqual(len({each.function for each in trace}), 72)
        self.assertEqual(len(azure.invocations(20, leave_out=4)), 2_659)

    def test_pods_stay_a_minute_after_the_last_request(self):
        pods = azure.knative_pods([azure.Invocation(10, 1, 0, 1)], seconds=120)
        self.assertEqual(pods[:4], [0, 0, 0, 0])
        self.assertTrue(all(pods[index] == 1 for index in range(6, 34)))
        self.assertEqual(pods[-10:], [0] * 10)

    def test_pods_follow_concurrency(self):
        steady = [azure.Invocation(second, 3.5, 0, 1) for second in range(300)]
        self.assertEqual(azure.knative_pods(steady, seconds=300)[-20:], [5] * 20)


class Settings(unittest.TestCase):
    def test_values_are_replaced_and_unknown_keys_found(self):
        self.assertIn('queue_delay = "60s"\n', node.configuration({"queue_delay": '"60s"'}))
        with self.assertRaises(RuntimeError):
            node.configuration({"no_such_key": "1"})


class Running(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = bench.Bench(quick=True, node="none")

    @classmethod
    def tearDownClass(cls):
        cls.bench.close()

    def test_peer_answers_cold_and_hot(self):
        peer = peers.peer("forkexec")
        with peer.start(self.bench) as server:
            kinds = [peer.kind(self.bench, 8), peer.kind(self.bench, 8, hot=True)]
            outcome = load.play(self.bench, server.port, kinds, load.steady(100, 100, load.mix(0.5)))
        self.assertEqual((outcome.requests, outcome.failures), (100, 0))
        self.assertGreater(len(outcome.latencies(0)), 20)
        self.assertGreater(len(outcome.latencies(1)), 20)

    def test_waiting_counts_when_the_server_is_slow(self):
        with storage.start_storage(self.bench, delay_us=50_000) as server:
            kind = load.Kind("/array", expect=storage.array_file(self.bench), method="GET")
            outcome = load.play(self.bench, server.port, [kind], load.steady(10, 1000), connections=1)
        self.assertEqual(outcome.failures, 0)
        self.assertGreater(max(outcome.latencies()), 400_000)  # the tenth waited for nine others

    def test_wrong_answers_are_failures(self):
        with storage.start_storage(self.bench) as server:
            kinds = [load.Kind("/array", expect=self.bench.matrix(1), method="GET"), load.Kind("/none", method="GET")]
            outcome = load.play(self.bench, server.port, kinds, [(0.0, 0), (0.01, 1)])
        self.assertEqual((outcome.requests, outcome.failures), (2, 2))


if __name__ == "__main__":
    unittest.main()
