// libfast for C++17: owners and exceptions over fast.h. Header only; link with libfast.
//
// Values and arguments are JSON text: use the JSON library that you like. Objects are moved, not copied, and may be destroyed
// in any order. Functions throw fast::error. The names are those of the other languages; docs/OPTIONS.md has the options.

#ifndef FAST_HPP
#define FAST_HPP
#include "fast.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace fast {
namespace detail {
template <auto Free>
struct freer {
  template <class T>
  void operator()(T* object) const noexcept { Free(object); }
};
template <class T, auto Free>
using owner = std::unique_ptr<T, freer<Free>>;
using buf = owner<fast_buf, fast_buf_unref>;

inline std::string_view view(const buf& bytes) noexcept {
  return bytes ? std::string_view(fast_buf_data(bytes.get()), fast_buf_len(bytes.get())) : std::string_view();
}
}  // namespace detail

// Why a function of libfast failed. Copies share one object.
class error : public std::exception {
 public:
  // Takes `object` over, which may be NULL.
  error(fast_code code, fast_error* object) : code_(code), object_(object, fast_error_free), why_(code_name()) {}
  // `why` lives for ever.
  error(fast_code code, const char* why) : code_(code), why_(why) {}
  // One of the FAST_E_ codes, such as FAST_E_TIMEOUT, and its name.
  fast_code code() const noexcept { return code_; }
  const char* code_name() const noexcept { return fast_code_name(code_); }
  // What, where, why and what to do.
  const char* what() const noexcept override { return object_ ? fast_error_message(object_.get()) : why_; }
  // Where it happened, as host:port or unix:/path, or empty.
  const char* endpoint() const noexcept { return fast_error_endpoint(object_.get()); }
  // True if repeating the call cannot run it twice and could succeed.
  bool retriable() const noexcept { return fast_error_retriable(object_.get()); }
  // For FAST_E_REMOTE the name of the server's error and its info, the JSON text of an object; else empty.
  const char* remote_name() const noexcept { return fast_error_remote_name(object_.get()); }
  const char* remote_info() const noexcept { return fast_error_remote_info(object_.get()); }

 private:
  fast_code code_;
  std::shared_ptr<fast_error> object_;
  const char* why_;
};

// What a method throws to fail with a name of its own; `info` is the JSON text of an object, or empty.
class remote_error : public std::exception {
 public:
  remote_error(std::string name, std::string message, std::string info = {})
      : text_(new texts{std::move(name), std::move(message), std::move(info)}) {}
  const std::string& name() const noexcept { return text_->name; }
  const std::string& info() const noexcept { return text_->info; }
  const char* what() const noexcept override { return text_->message.c_str(); }

 private:
  struct texts { std::string name, message, info; };
  std::shared_ptr<const texts> text_;
};

namespace detail {
// Runs a function of fast.h with a place for its error, which is thrown if the code that comes back is one.
template <class Run>
fast_code checked(Run run) {
  fast_error* failure = nullptr;
  fast_code code = run(&failure);
  if (code < 0) throw error(code, failure);
  return code;
}

// The same for functions that make objects.
template <class Owner, class Make>
Owner made(Make make) {
  fast_error* failure = nullptr;
  Owner object(make(&failure));
  if (!object) throw error(failure ? fast_error_code(failure) : FAST_E_NOMEM, failure);
  return object;
}

// And for those that give no error object.
inline fast_code check(fast_code code) {
  return code < 0 ? throw error(code, fast_code_name(code)) : code;
}

// For the functions that take text ending with a NUL.
inline const char* terminated(const std::string& text) {
  if (text.find('\0') != std::string::npos) throw error(FAST_E_INVALID, "text has a NUL; leave it out");
  return text.c_str();
}
}  // namespace detail

// One option: {"policy", "p2c"}, {"retries", 3}, {"idempotent", true}.
struct option {
  option(std::string key, std::string text) : name(std::move(key)), value(std::move(text)) {}
  option(std::string key, const char* text) : name(std::move(key)), value(text) {}
  template <class T, class = std::enable_if_t<std::is_integral_v<T>>>
  option(std::string key, T number) : name(std::move(key)), value(std::to_string(number)) {}

  std::string name, value;
};

// Options by name; an unknown name or a bad value is FAST_E_INVALID.
class config {
 public:
  config() : handle_(fast_config_new()) {}
  config(std::initializer_list<option> options) : config() {
    for (const option& one : options) set(one);
  }

  config& set(const option& one) {
    const char* name = detail::terminated(one.name);
    const char* value = detail::terminated(one.value);
    detail::checked([&](fast_error** err) { return fast_config_set(handle_.get(), name, value, err); });
    return *this;
  }
  template <class T>
  config& set(std::string name, T&& value) { return set(option(std::move(name), std::forward<T>(value))); }
  fast_config* get() const noexcept { return handle_.get(); }

 private:
  detail::owner<fast_config, fast_config_free> handle_;
};

// How one call differs from its client's options; what is not set is as the client's.
struct call_options {
  // Longest the call may take; 0 is no limit.
  std::optional<std::chrono::milliseconds> timeout = std::nullopt;
  // It may be repeated although the server may have run it.
  std::optional<bool> idempotent = std::nullopt;
  // How often it is repeated where that is safe.
  std::optional<int> retries = std::nullopt;

  fast_call_opts raw() const noexcept {
    fast_call_opts opts = {};
    opts.struct_size = sizeof opts;
    if (idempotent) opts.flags = *idempotent ? FAST_CALL_IDEMPOTENT : FAST_CALL_NOT_IDEMPOTENT;
    if (timeout) opts.timeout_ms = own(timeout->count());
    if (retries) opts.retries = static_cast<std::int32_t>(own(*retries));
    return opts;
  }

 private:
  // In C, 0 means as the client's, and -1 means none.
  static std::int64_t own(std::int64_t value) noexcept { return value > 0 ? value : value == 0 ? -1 : -2; }
};

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
  bool next() {
    buf_.reset();
    value_ = {};
    fast_buf* bytes = nullptr;
    fast_code code = detail::checked([&](fast_error** err) { return fast_call_next(call_.get(), -1, &bytes, err); });
    buf_.reset(bytes);
    value_ = detail::view(buf_);
    return code == FAST_OK;
  }
  std::string_view value() const noexcept { return value_; }

 private:
  friend class client;
  explicit stream(fast_call* call) : call_(call) {}
  detail::owner<fast_call, fast_call_free> call_;
  detail::buf buf_;
  std::string_view value_;
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
  }

  // Waits until a provider is known and connected.
  void ready(std::chrono::milliseconds timeout) {
    detail::checked([&](fast_error** err) { return fast_client_ready(handle_.get(), timeout.count(), err); });
  }

  // Calls a method with the JSON text of an array of arguments; returns the JSON text of the array of all values.
  std::string call(std::string_view method, std::string_view args = "[]", const call_options& options = {}) {
    detail::buf values;
    detail::checked([&](fast_error** err) { return call(method, args, options, values, err); });
    return std::string(detail::view(values));
  }

  // As call(), but gives the code back instead of throwing; `values` is written only on success.
  fast_code try_call(std::string_view method, std::string_view args, std::string& values,
                     const call_options& options = {}) noexcept {
    detail::buf bytes;
    fast_code code = call(method, args, options, bytes, nullptr);
    if (code == FAST_OK) values = detail::view(bytes);
    return code;
  }

  // As call(), for one value after the other.
  fast::stream stream(std::string_view method, std::string_view args = "[]", const call_options& options = {}) {
    fast_call* started = nullptr;
    fast_call_opts opts = options.raw();
    detail::checked([&](fast_error** err) {
      return fast_client_start(handle_.get(), nullptr, 0, method.data(), method.size(), args.data(), args.size(), &opts,
                               &started, err);
    });
    return fast::stream(started);
  }

  // Chooses an endpoint for a call over another protocol.
  fast::pick pick() {
    return fast::pick(detail::made<fast::pick::owner>([&](fast_error** err) { return fast_client_pick(get(), err); }));
  }

  // Counters and endpoints as the JSON text of an object.
  std::string stats() const {
    fast_buf* json = nullptr;
    detail::checked([&](fast_error** err) { return fast_client_stats(handle_.get(), &json, err); });
    return std::string(detail::view(detail::buf(json)));
  }

  // Refuses new calls and waits for those under way. The destructor does not wait.
  void close(std::chrono::milliseconds drain = std::chrono::milliseconds(0)) {
    detail::check(fast_client_close(handle_.get(), drain.count()));
  }

  fast_client* get() const noexcept { return handle_.get(); }

 private:
  using owner = detail::owner<fast_client, fast_client_free>;

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
};

// A request to be answered with any number of values and one end or failure. A handler may move it elsewhere and answer later,
// from any thread. Destroyed without an answer, it fails as HandlerDropped.
class request {
 public:
  const char* method() const noexcept { return fast_request_method(handle_.get()); }
  // The arguments as the JSON text of an array.
  std::string_view args() const noexcept {
    std::size_t len = 0;
    const char* data = fast_request_args(handle_.get(), &len);
    return {data, len};
  }
  // The caller's address.
  const char* peer() const noexcept { return fast_request_peer(handle_.get()); }
  // True once nobody waits for the answer any more.
  bool cancelled() const noexcept { return fast_request_cancelled(handle_.get()); }

  // Sends one value, the JSON text of anything but null; waits while the caller is slow. FAST_E_CLOSED: the caller is gone.
  void send(std::string_view value) {
    fast_code code = detail::check(fast_request_send(handle_.get(), value.data(), value.size()));
    while (code == FAST_AGAIN) code = detail::check(fast_request_wait(handle_.get(), 60'000));
  }
  // Ends the answer, if `value` is given with that as the last one.
  void end(std::optional<std::string_view> value = std::nullopt) {
    detail::check(fast_request_end(handle_.get(), value ? value->data() : nullptr, value ? value->size() : 0));
  }
  // Ends the answer with an error; `info` is the JSON text of an object, or empty.
  void fail(const std::string& name, const std::string& message, const std::string& info = {}) {
    detail::check(fast_request_fail(handle_.get(), name.c_str(), message.c_str(), info.c_str()));
  }

 private:
  friend class server;
  explicit request(fast_request* handle) : handle_(handle) {}
  detail::owner<fast_request, fast_request_free> handle_;
};

// A server whose methods run on threads of its own. It must not be destroyed by one of its methods.
class server {
 public:
  // What it throws fails the request: a remote_error as it is, any other std::exception with the name "Error".
  using handler = std::function<void(request&)>;

  // `threads` is how many methods run at the same time.
  explicit server(const config& options = {}, std::uint32_t threads = 16) : state_(new state), threads_(threads) {
    state_->queue = detail::made<queue_owner>(fast_queue_new);
    state_->handle = detail::made<server_owner>([&](fast_error** err) { return fast_server_new(options.get(), err); });
  }

  server& method(std::string_view name, handler run) {
    state_->handlers.push_back(std::move(run));
    // Elements of a list stay where they are, so their address can go through the queue.
    auto tag = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&state_->handlers.back()));
    detail::checked([&](fast_error** err) {
      return fast_server_handle(state_->handle.get(), name.data(), name.size(), state_->queue.get(), tag, err);
    });
    return *this;
  }

  // Listens, then announces if the option `announce` is set; returns the address.
  std::string start() {
    if (!state_->dispatching) {
      detail::checked([&](fast_error** err) {
        return fast_queue_dispatch(state_->queue.get(), threads_, dispatch, nullptr, nullptr, err);
      });
      state_->dispatching = true;
    }
    detail::checked([&](fast_error** err) { return fast_server_start(state_->handle.get(), err); });
    return address();
  }

  // The address listened on; empty before the start.
  std::string address() const { return fast_server_address(state_->handle.get()); }
  // Withdraws, waits for running requests (by default at most the option `drain_ms`), then cancels them and closes. The
  // destructor does not wait for requests, only for methods that run.
  void stop(std::optional<std::chrono::milliseconds> drain = std::nullopt) {
    std::int64_t ms = drain ? static_cast<std::int64_t>(drain->count()) : -1;
    detail::checked([&](fast_error** err) { return fast_server_stop(state_->handle.get(), ms, err); });
  }

 private:
  using queue_owner = detail::owner<fast_queue, fast_queue_free>;
  using server_owner = detail::owner<fast_server, fast_server_free>;

  // Destroyed from the last member to the first: no handler goes while it may run.
  struct state {
    std::list<handler> handlers;
    queue_owner queue;
    server_owner handle;
    bool dispatching = false;
  };

  // On a thread of the library: nothing may be thrown out of here.
  static void dispatch(void*, fast_event* event) noexcept {
    if (event->kind != FAST_EV_REQUEST) return;
    request taken(std::exchange(event->request, nullptr));
    try {
      (*reinterpret_cast<handler*>(static_cast<std::uintptr_t>(event->tag)))(taken);
    } catch (const remote_error& thrown) {
      answer(taken, thrown.name().c_str(), thrown.what(), thrown.info().c_str());
    } catch (const std::exception& thrown) {
      answer(taken, "Error", thrown.what(), nullptr);
    } catch (...) {
      answer(taken, "Error", "an exception of unknown type", nullptr);
    }
  }

  // Does nothing if the request was moved elsewhere, was ended, or nobody waits for it any more.
  static void answer(const request& taken, const char* name, const char* message, const char* info) noexcept {
    fast_request* handle = taken.handle_.get();
    if (fast_request_fail(handle, name, message, info) != FAST_E_INVALID) return;
    fast_request_fail(handle, "Error", "the name, message or info of this error is malformed", nullptr);
  }

  std::unique_ptr<state> state_;
  std::uint32_t threads_;
};

// An entry in a registry for a server of any protocol, with the options `announce` and `advertise`.
class announcement {
 public:
  explicit announcement(const config& options) {
    handle_ = detail::made<owner>([&](fast_error** err) { return fast_announcement_new(options.get(), err); });
  }
  // "registered", "connecting", "suspended", "lost" or "closed".
  const char* state() const noexcept { return fast_announcement_state(handle_.get()); }
  // Takes the entry off and waits until the registry acknowledged it. The destructor does not wait.
  void withdraw() {
    detail::checked([&](fast_error** err) { return fast_announcement_withdraw(handle_.get(), err); });
  }

 private:
  using owner = detail::owner<fast_announcement, fast_announcement_free>;
  owner handle_;
};

inline announcement announce(const config& options) { return announcement(options); }

}  // namespace fast
#endif  // FAST_HPP
