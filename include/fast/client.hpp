// Clients, calls, streams and picks. Part of fast.hpp.

#ifndef FAST_CLIENT_HPP
#define FAST_CLIENT_HPP
#include "config.hpp"
#include "interceptors.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fast {
// How one call differs from its client's options; what is not set is as the client's.
struct call_options {
  // Longest the call may take; 0 is no limit.
  std::optional<std::chrono::milliseconds> timeout = std::nullopt;
  // It may be repeated although the server may have run it.
  std::optional<bool> idempotent = std::nullopt;
  // How often it is repeated where that is safe.
  std::optional<int> retries = std::nullopt;
  // Null values are dropped instead of failing the call.
  std::optional<bool> ignore_null_values = std::nullopt;
  // What the call belongs to, for the policies hash and sticky; read when the call is made.
  std::optional<std::string_view> affinity = std::nullopt;
  // It gets a second attempt if it is idempotent and takes long.
  std::optional<bool> hedge = std::nullopt;
  // It waits while no provider is there.
  std::optional<bool> wait_for_ready = std::nullopt;

  fast_call_opts raw() const noexcept {
    fast_call_opts opts = {};
    opts.struct_size = sizeof opts;
    if (idempotent) opts.flags |= *idempotent ? FAST_CALL_IDEMPOTENT : FAST_CALL_NOT_IDEMPOTENT;
    if (ignore_null_values) opts.flags |= *ignore_null_values ? FAST_CALL_IGNORE_NULL_VALUES : FAST_CALL_REFUSE_NULL_VALUES;
    if (hedge) opts.flags |= *hedge ? FAST_CALL_HEDGE : FAST_CALL_NO_HEDGE;
    if (wait_for_ready) opts.flags |= *wait_for_ready ? FAST_CALL_WAIT_FOR_READY : FAST_CALL_FAIL_FAST;
    if (affinity) {
      // NULL would stand for the client's.
      opts.affinity = affinity->data() ? affinity->data() : "";
      opts.affinity_len = affinity->size();
    }
    if (timeout) opts.timeout_ms = own(timeout->count());
    if (retries) opts.retries = static_cast<std::int32_t>(own(*retries));
    return opts;
  }

 private:
  // In C, 0 means as the client's, and -1 means none.
  static std::int64_t own(std::int64_t value) noexcept { return value > 0 ? value : value == 0 ? -1 : -2; }
};

// What a buffered call brought.
struct buffered {
  // The JSON text of the array of the first values, valid with an error as well.
  std::string values;
  // How many came in all.
  std::uint64_t count = 0;
  // Why the call failed, if it did.
  std::optional<fast::error> error = std::nullopt;
};

// A call before it begins, as the interceptors of its client see it. Arguments and options may be changed.
class outgoing_call : public intercepted {
 public:
  // What the client was made of, and the name of the method.
  const std::string& target() const noexcept { return target_; }
  const std::string& method() const noexcept { return method_; }
  // The JSON text of an array.
  std::string args;
  // Of this call alone.
  call_options options;

 private:
  friend class client;
  friend class stream;
  outgoing_call(std::string target, std::string_view method, std::string_view given, const call_options& own)
      : args(given), options(own), target_(std::move(target)), method_(method) {}

  void over(std::exception_ptr error, fast_call* call) noexcept {
    fast_buf* endpoint = nullptr;
    std::uint32_t attempts = 0;
    if (call) fast_call_way(call, &endpoint, &attempts, nullptr);
    detail::buf bytes(endpoint);
    ended(std::move(error), std::string(detail::view(bytes)), attempts);
  }

  std::string target_, method_;
};

// What each call of a client is led through. What it throws, the call throws.
using client_interceptor = std::function<void(outgoing_call&)>;

// The values of a call, each the JSON text of one, in a range-based for loop. Leaving the loop and dropping the stream stops
// waiting for the rest; the server is not told. A failure is thrown where the next value would come.
class stream {
 public:
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using difference_type = std::ptrdiff_t;
    using value_type = std::string_view;
    using pointer = const std::string_view*;
    using reference = const std::string_view&;

    iterator() = default;
    // Valid until the iterator moves on.
    reference operator*() const noexcept { return stream_->value_; }
    pointer operator->() const noexcept { return &stream_->value_; }
    iterator& operator++() {
      if (!stream_->next()) stream_ = nullptr;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(const iterator& other) const noexcept { return stream_ == other.stream_; }
    bool operator!=(const iterator& other) const noexcept { return stream_ != other.stream_; }

   private:
    friend class stream;
    explicit iterator(stream* from) : stream_(from) { ++*this; }
    stream* stream_ = nullptr;
  };
  // The first value is waited for here. A stream is read once.
  iterator begin() { return iterator(this); }
  iterator end() noexcept { return {}; }

  // The same by hand: false after the last value; value() is valid until the next one.
  bool next() { return seen_ ? next_seen() : pull(); }
  std::string_view value() const noexcept { return value_; }
  // Stops waiting, from any thread: next() throws FAST_E_ABANDONED, also one that waits. The server is not told.
  void abandon() { if (call_) detail::check(fast_call_abandon(call_.get())); }

 private:
  friend class client;
  explicit stream(fast_call* call, std::unique_ptr<outgoing_call> seen = nullptr) : call_(call) {
    seen_.get_deleter().call = call;
    seen_.reset(seen.release());
  }

  bool pull() {
    buf_.reset();
    value_ = {};
    fast_buf* bytes = nullptr;
    fast_code code = detail::checked([&](fast_error** err) { return fast_call_next(call_.get(), -1, &bytes, err); });
    buf_.reset(bytes);
    value_ = detail::view(buf_);
    return code == FAST_OK;
  }

  // The same, as interceptors see it.
  bool next_seen() {
    bool more = false;
    try {
      if (call_) {
        more = pull();
      } else if ((more = given_ < seen_->given_.size())) {
        value_ = seen_->given_[given_++];
      }
    } catch (...) {
      seen_->over(std::current_exception(), call_.get());
      throw;
    }
    if (more) seen_->saw(value_);
    else seen_->over(nullptr, call_.get());
    return more;
  }

  // Tells those who have heard of no end that nobody waits for it.
  struct leave {
    leave() noexcept : call(nullptr) {}
    fast_call* call;
    void operator()(outgoing_call* seen) const noexcept {
      seen->over(std::make_exception_ptr(error(FAST_E_ABANDONED, "the call was abandoned by its caller")), call);
      delete seen;
    }
  };
  detail::owner<fast_call, fast_call_free> call_;
  detail::buf buf_;
  std::string_view value_;
  // None unless there are interceptors. Gone before the call is.
  std::unique_ptr<outgoing_call, leave> seen_;
  std::size_t given_ = 0;
};

// An endpoint chosen for a call over another protocol.
class pick {
 public:
  // The address, host:port or unix:/path.
  const char* endpoint() const noexcept { return fast_pick_endpoint(handle_.get()); }
  // Tells, once, how long the call took and whether the endpoint did its part.
  void report(std::chrono::nanoseconds latency, bool ok) {
    detail::check(fast_pick_report(handle_.get(), latency.count() / 1000, ok));
  }

 private:
  friend class client;
  using owner = detail::owner<fast_pick, fast_pick_free>;
  explicit pick(owner handle) : handle_(std::move(handle)) {}
  owner handle_;
};

// A client of one service: finds its providers, keeps connections, balances calls. For any number of threads.
class client {
 public:
  explicit client(const std::string& target, const config& options = {}) {
    const char* text = detail::terminated(target);
    handle_ = detail::made<owner>([&](fast_error** err) { return fast_client_new(text, options.get(), err); });
    target_ = target;
  }

  // Has calls go through `interceptor`, behind those that were installed before. Not while calls begin on other threads.
  client& intercept(client_interceptor interceptor) {
    interceptors_.push_back(std::move(interceptor));
    return *this;
  }

  // Waits until a provider is known and connected.
  void ready(std::chrono::milliseconds timeout) {
    detail::checked([&](fast_error** err) { return fast_client_ready(handle_.get(), timeout.count(), err); });
  }

  // Calls a method with the JSON text of an array of arguments; returns the JSON text of the array of all values.
  std::string call(std::string_view method, std::string_view args = "[]", const call_options& options = {}) {
    if (!interceptors_.empty()) return collected(stream(method, args, options));
    detail::buf values;
    detail::checked([&](fast_error** err) { return call(method, args, options, values, err); });
    return std::string(detail::view(values));
  }

  // As call(), but gives the code back instead of throwing; `values` is written only on success. FAST_E_PANIC: an interceptor
  // threw something that is no fast::error.
  fast_code try_call(std::string_view method, std::string_view args, std::string& values,
                     const call_options& options = {}) noexcept {
    if (!interceptors_.empty()) return try_seen(method, args, values, options);
    detail::buf bytes;
    fast_code code = call(method, args, options, bytes, nullptr);
    if (code == FAST_OK) values = detail::view(bytes);
    return code;
  }

  // Calls a method, keeps its first `max_values` values and counts all. A failure is not thrown, but comes with what came before
  // it.
  buffered call_buffered(std::string_view method, std::string_view args, std::uint64_t max_values,
                         const call_options& options = {}) {
    if (!interceptors_.empty()) return buffered_of(stream(method, args, options), max_values);
    buffered result;
    fast_buf* bytes = nullptr;
    fast_error* failure = nullptr;
    fast_call_opts opts = options.raw();
    fast_code code = fast_client_call_buffered(handle_.get(), method.data(), method.size(), args.data(), args.size(), &opts,
                                               max_values, &bytes, &result.count, &failure);
    detail::buf values(bytes);
    if (code < 0) result.error.emplace(code, failure);
    result.values = detail::view(values);
    return result;
  }

  // As call(), for one value after the other.
  fast::stream stream(std::string_view method, std::string_view args = "[]", const call_options& options = {}) {
    return interceptors_.empty() ? fast::stream(started(method, args, options)) : seen(method, args, options);
  }

  // Chooses an endpoint for a call over another protocol.
  fast::pick pick() {
    return fast::pick(detail::made<fast::pick::owner>([&](fast_error** err) { return fast_client_pick(get(), err); }));
  }

  // Counters and endpoints as the JSON text of an object.
  std::string stats() const {
    return detail::text([&](fast_buf** json, fast_error** err) { return fast_client_stats(handle_.get(), json, err); });
  }

  // Connections and requests in the words of kang, as the JSON text of an object.
  std::string kang() const {
    return detail::text([&](fast_buf** json, fast_error** err) { return fast_client_kang(handle_.get(), json, err); });
  }

  // Refuses new calls, waits for those under way and ends what is left with FAST_E_CLOSED. The destructor does not wait.
  void close(std::chrono::milliseconds drain = std::chrono::milliseconds(0)) {
    detail::check(fast_client_close(handle_.get(), drain.count()));
  }

  fast_client* get() const noexcept { return handle_.get(); }

 private:
  using owner = detail::owner<fast_client, fast_client_free>;

  fast_call* started(std::string_view method, std::string_view args, const call_options& options) {
    fast_call* started = nullptr;
    fast_call_opts opts = options.raw();
    detail::checked([&](fast_error** err) {
      return fast_client_start(handle_.get(), nullptr, 0, method.data(), method.size(), args.data(), args.size(), &opts,
                               &started, err);
    });
    return started;
  }

  // A call that has gone through the interceptors.
  fast::stream seen(std::string_view method, std::string_view args, const call_options& options) {
    std::unique_ptr<outgoing_call> call(new outgoing_call(target_, method, args, options));
    fast_call* begun = nullptr;
    try {
      for (std::size_t i = 0; i < interceptors_.size() && !call->answered_; i++) interceptors_[i](*call);
      if (!call->answered_) begun = started(call->method(), call->args, call->options);
    } catch (...) {
      call->over(std::current_exception(), nullptr);
      throw;
    }
    return fast::stream(begun, std::move(call));
  }

  static std::string collected(fast::stream values) {
    std::string all = "[";
    while (values.next()) (all.size() > 1 ? all.append(",") : all).append(values.value());
    return all.append("]");
  }

  static buffered buffered_of(fast::stream values, std::uint64_t max_values) {
    buffered result{"["};
    try {
      while (values.next())
        if (++result.count <= max_values) (result.count > 1 ? result.values.append(",") : result.values).append(values.value());
    } catch (const fast::error& failure) {
      result.error.emplace(failure);
    }
    result.values.append("]");
    return result;
  }

  fast_code try_seen(std::string_view method, std::string_view args, std::string& values,
                     const call_options& options) noexcept {
    try {
      values = call(method, args, options);
      return FAST_OK;
    } catch (const fast::error& failure) {
      return failure.code();
    } catch (...) {
      return FAST_E_PANIC;
    }
  }

  fast_code call(std::string_view method, std::string_view args, const call_options& options, detail::buf& values,
                 fast_error** failure) noexcept {
    fast_buf* bytes = nullptr;
    fast_call_opts opts = options.raw();
    fast_code code = fast_client_call(handle_.get(), method.data(), method.size(), args.data(), args.size(), &opts,
                                      &bytes, failure);
    values.reset(bytes);
    return code;
  }

  owner handle_;
  std::string target_;
  std::vector<client_interceptor> interceptors_;
};

}  // namespace fast
#endif  // FAST_CLIENT_HPP
