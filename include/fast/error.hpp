// Errors, and owners of the objects of fast.h. Part of fast.hpp.

#ifndef FAST_ERROR_HPP
#define FAST_ERROR_HPP
#include "../fast.h"

#include <exception>
#include <memory>
#include <string>
#include <string_view>
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
  // What the failure of a call goes back to, by node-fast's name of the cause, such as "TimeoutError"; empty if it is not one
  // of a call. And everything known about it, as the JSON text of an object. See fast.h.
  const char* cause_name() const noexcept { return fast_error_cause_name(object_.get()); }
  const char* merged_info() const noexcept { return fast_error_merged_info(object_.get()); }
  // Of the server's error, if it is one, else empty: name, message, info (the JSON text of an object), and JSON text of any kind
  // of value if the server sent such members.
  const char* remote_name() const noexcept { return fast_error_remote_name(object_.get()); }
  const char* remote_message() const noexcept { return fast_error_remote_message(object_.get()); }
  const char* remote_info() const noexcept { return fast_error_remote_info(object_.get()); }
  const char* remote_context() const noexcept { return fast_error_remote_context(object_.get()); }
  const char* remote_ase_errors() const noexcept { return fast_error_remote_ase_errors(object_.get()); }

 private:
  fast_code code_;
  std::shared_ptr<fast_error> object_;
  const char* why_;
};

// What a method throws to fail with a name of its own. `info` is the JSON text of an object, `context` and `ase_errors` of any
// kind of value; or empty.
class remote_error : public std::exception {
 public:
  remote_error(std::string name, std::string message, std::string info = {}, std::string context = {},
               std::string ase_errors = {})
      : text_(new texts{std::move(name), std::move(message), std::move(info), std::move(context), std::move(ase_errors)}) {}
  const std::string& name() const noexcept { return text_->name; }
  const std::string& info() const noexcept { return text_->info; }
  const std::string& context() const noexcept { return text_->context; }
  const std::string& ase_errors() const noexcept { return text_->ase_errors; }
  const char* what() const noexcept override { return text_->message.c_str(); }

 private:
  struct texts { std::string name, message, info, context, ase_errors; };
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

// The same for functions that give text.
template <class Write>
std::string text(Write write) {
  fast_buf* bytes = nullptr;
  checked([&](fast_error** err) { return write(&bytes, err); });
  return std::string(view(buf(bytes)));
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

}  // namespace fast
#endif  // FAST_ERROR_HPP
