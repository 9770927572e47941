// Threads of C++.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <future>
#include <latch>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#define CHECK(what) \
    if (!(what)) return std::fprintf(stderr, "line %d: %s\n", __LINE__, #what), 1

static thread_local std::string own = "fresh";

int main() {
    auto later = std::async(std::launch::async, [] { return 41; });
    auto when_asked = std::async([] { return 1; });
    CHECK(later.get() + when_asked.get() == 42);

    std::vector<std::thread> threads;
    std::mutex mutex;
    std::atomic<long> sum = 0;
    std::vector<std::string> seen;
    for (int i = 0; i < 8; i++)
        threads.emplace_back([&, i] {
            own += std::to_string(i);
            std::this_thread::yield();
            std::lock_guard lock(mutex);
            seen.push_back(own);
            sum += i;
        });
    for (auto &thread : threads) thread.join();
    CHECK(sum == 28 && seen.size() == 8 && seen[3] == "fresh3" && own == "fresh");

    std::promise<std::string> promise;
    std::thread thrower([&] {
        try {
            throw std::runtime_error("from a thread");
        } catch (std::exception &) {
            promise.set_exception(std::current_exception());
        }
    });
    std::string text;
    try {
        promise.get_future().get();
    } catch (std::runtime_error &error) {
        text = error.what();
    }
    thrower.join();
    CHECK(text == "from a thread");

    std::atomic<int> flag = 0;
    std::thread setter([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        flag = 1;
        flag.notify_all();
    });
    flag.wait(0);
    setter.join();
    CHECK(flag == 1);
    std::latch latch(2);
    std::thread counts([&] { latch.count_down(); });
    latch.arrive_and_wait();
    counts.join();
    // One that waits by asking the clock lets the others run.
    std::atomic<bool> done = false;
    std::thread worker([&] { done = true; });
    auto end = std::chrono::steady_clock::now() + std::chrono::hours(1);
    while (!done && std::chrono::steady_clock::now() < end) {}
    worker.join();
    CHECK(done && std::thread::hardware_concurrency() == 1);
    std::condition_variable condition;
    std::unique_lock lock(mutex);
    CHECK(condition.wait_for(lock, std::chrono::seconds(5)) == std::cv_status::timeout);
    std::puts("all good");
}
