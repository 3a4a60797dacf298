<?php

declare(strict_types=1);

namespace Fast;

use FFI\CData;

/**
 * A client of one service: finds its providers, keeps connections, balances calls.
 *
 * Values and arguments are those of json_decode() and json_encode(): objects are \stdClass (with `assoc` arrays), whole
 * numbers beyond 64 bits become floats, and an empty object as an argument is `new \stdClass()`, since `[]` is an empty list.
 *
 * A client may be used in a forked child: it makes its own connections there when it is first used.
 */
final class Client
{
    private readonly Library $library;
    private Handle $handle;
    private int $generation;
    private bool $closed = false;
    /** Calls usually have the same options as the one before. */
    private ?CallOptions $lastOptions = null;
    /** @var list<callable(OutgoingCall): mixed> */
    private array $interceptors = [];

    /**
     * Returns at once; providers are found and connections made in the background.
     *
     * @param string $target  a service name, host:port[,host:port...], unix:/path, dir:///folder/service or
     *                        zk://host:port[,host:port...]/root/service
     * @param array<string, bool|int|float|string> $options by name, see docs/OPTIONS.md
     * @param bool   $assoc   JSON objects become associative arrays instead of \stdClass
     * @param ?string $name   see shared()
     */
    public function __construct(
        private readonly string $target,
        private readonly array $options = [],
        private readonly bool $assoc = false,
        private readonly ?string $name = null,
    ) {
        $this->library = Library::get();
        $this->open();
    }

    /**
     * The client of that name, which lives as long as the process: in a worker it keeps its connections from one request to
     * the next. With another target or other options than before a new one takes its place.
     *
     * @param array<string, bool|int|float|string> $options by name, see docs/OPTIONS.md
     */
    public static function shared(string $name, string $target, array $options = [], bool $assoc = false): self
    {
        return new self($target, $options, $assoc, $name);
    }

    /**
     * Has calls of this object that begin from now on go through `$interceptor`, behind those that were installed before. What it throws, the call
     * throws.
     *
     * @param callable(OutgoingCall): mixed $interceptor
     */
    public function intercept(callable $interceptor): self
    {
        $this->interceptors[] = $interceptor;

        return $this;
    }

    /**
     * Calls a method and waits for all its values. Signal handlers of PHP run when it returns.
     *
     * @param mixed $args a list; anything else is refused with FAST_E_INVALID
     * @param array<string, bool|int|float|string> $options timeout_ms, idempotent, retries, ignore_null_values, affinity, hedge, wait_for_ready
     *
     * @return list<mixed>
     */
    public function call(string $method, mixed $args = [], array $options = []): array
    {
        if ($this->interceptors !== []) {
            return iterator_to_array($this->stream($method, $args, $options), false);
        }
        $library = $this->library;
        $text = Json::encode($args, "the arguments of \"$method\"");
        [$values, $error] = [$library->bufferSlot(), $library->errorSlot()];
        $settings = $this->callOptions($options);
        $code = $library->ffi->fast_client_call(
            $this->pointer(),
            $method,
            strlen($method),
            $text,
            strlen($text),
            $settings,
            $values,
            $error,
        );
        $library->check($code, $error);

        return Json::decode($library->take($values), $this->assoc);
    }

    /**
     * Calls a method, keeps its first values and counts all: for programs that want to know what came before an error, or how
     * much there was. An error of the call is not thrown, but comes with what came before it.
     *
     * @param mixed $args a list; anything else is refused with FAST_E_INVALID
     * @param int<0, max> $maxValues how many values to keep
     * @param array<string, bool|int|float|string> $options timeout_ms, idempotent, retries, ignore_null_values, affinity, hedge, wait_for_ready
     */
    public function callBuffered(string $method, mixed $args = [], int $maxValues = PHP_INT_MAX, array $options = []): Buffered
    {
        if ($maxValues < 0) {
            throw FastException::of(Codes::E_INVALID, "maxValues is $maxValues; use 0 or more");
        }
        if ($this->interceptors !== []) {
            return Buffered::of($this->stream($method, $args, $options), $maxValues);
        }
        $library = $this->library;
        $text = Json::encode($args, "the arguments of \"$method\"");
        [$values, $count, $error] = [$library->bufferSlot(), $library->countSlot(), $library->errorSlot()];
        $settings = $this->callOptions($options);
        $code = $library->ffi->fast_client_call_buffered(
            $this->pointer(),
            $method,
            strlen($method),
            $text,
            strlen($text),
            $settings,
            $maxValues,
            $values,
            $count,
            $error,
        );
        $failure = $code < 0 ? $library->failure($error) : null;

        return new Buffered(Json::decode($library->take($values), $this->assoc), $count[0], $failure);
    }

    /**
     * Calls a method and gives its values one by one, as they come. Leaving the loop abandons the call.
     *
     * @param mixed $args a list; anything else is refused with FAST_E_INVALID, when the first value is asked for
     * @param array<string, bool|int|float|string> $options timeout_ms, idempotent, retries, ignore_null_values, affinity, hedge, wait_for_ready
     */
    public function stream(string $method, mixed $args = [], array $options = []): Stream
    {
        if ($this->interceptors === []) {
            return new Stream($this->library, $this->started($method, $args, $options), $this->handle, $this->assoc);
        }
        $seen = new OutgoingCall($this->target, $method, $args, $options);
        $given = $seen->pass($this->interceptors);
        try {
            $call = $given === null ? $this->started($method, $seen->args, $seen->options) : null;
        } catch (\Throwable $error) {
            $seen->ended($error, '', 0);
            throw $error;
        }

        return new Stream($this->library, $call, $this->handle, $this->assoc, $seen, $given ?? []);
    }

    /** Waits until a provider is known and connected, at most that long. */
    public function ready(int $timeoutMs): void
    {
        $error = $this->library->errorSlot();
        $this->library->check($this->library->ffi->fast_client_ready($this->pointer(), $timeoutMs, $error), $error);
    }

    /** Chooses an endpoint for a call over another protocol, waiting until providers are known, at most `timeout_ms`. */
    public function pick(): Pick
    {
        $error = $this->library->errorSlot();
        $pick = $this->library->ffi->fast_client_pick($this->pointer(), $error);

        return new Pick($this->library, $this->library->made($pick, $error, 'fast_pick_free'));
    }

    /**
     * Counters and endpoints, for operators.
     *
     * @return array<string, mixed>
     */
    public function stats(): array
    {
        return $this->snapshot('fast_client_stats');
    }

    /**
     * Connections and requests in the words of kang, the debugging page of programs that use node-fast.
     *
     * @return array<string, mixed>
     */
    public function kang(): array
    {
        return $this->snapshot('fast_client_kang');
    }

    /** The numbers of all clients of this process, in Prometheus' text format; docs/METRICS.md lists them. */
    public static function metricsText(): string
    {
        $library = Library::get();
        [$text, $error] = [$library->bufferSlot(), $library->errorSlot()];
        $library->check($library->ffi->fast_metrics_text($text, $error), $error);

        return $library->take($text);
    }

    /**
     * Refuses new calls (FAST_E_CLOSED), waits at most that long for those under way and ends what is left. Closes a shared client for everybody
     * who has it; to merely let go of a client, drop it.
     */
    public function close(int $drainMs = 0): void
    {
        $this->library->check($this->library->ffi->fast_client_close($this->pointer(), $drainMs), null, 'close failed');
        $this->closed = true;
    }

    /** @param array<string, bool|int|float|string> $options */
    private function started(string $method, mixed $args, array $options): Handle
    {
        $library = $this->library;
        $text = Json::encode($args, "the arguments of \"$method\"");
        [$call, $error] = [$library->callSlot(), $library->errorSlot()];
        $settings = $this->callOptions($options);
        $code = $library->ffi->fast_client_start(
            $this->pointer(),
            null,
            0,
            $method,
            strlen($method),
            $text,
            strlen($text),
            $settings,
            $call,
            $error,
        );
        $library->check($code, $error);

        return new Handle($call[0], 'fast_call_free', $library);
    }

    /** @return array<string, mixed> */
    private function snapshot(string $function): array
    {
        [$json, $error] = [$this->library->bufferSlot(), $this->library->errorSlot()];
        $this->library->check($this->library->ffi->$function($this->pointer(), $json, $error), $error);

        return Json::decode($this->library->take($json), true);
    }

    private function open(): void
    {
        $library = $this->library;
        [$config, $error] = [$library->config($this->options), $library->errorSlot()];
        $target = Library::text($this->target, 'the target');
        $client = $this->name === null
            ? $library->ffi->fast_client_new($target, $config->pointer, $error)
            : $library->ffi->fast_client_named(Library::text($this->name, 'the name'), $target, $config->pointer, $error);
        $this->handle = $library->made($client, $error, 'fast_client_free');
        $this->generation = $library->ffi->fast_fork_generation();
    }

    private function pointer(): ?CData
    {
        if ($this->library->ffi->fast_fork_generation() !== $this->generation && !$this->closed) {
            $this->open();
        }

        return $this->handle->pointer;
    }

    /** @param array<string, bool|int|float|string> $options */
    private function callOptions(array $options): ?CData
    {
        if ($options === []) {
            return null;
        }
        if ($this->lastOptions?->options !== $options) {
            $this->lastOptions = new CallOptions($this->library, $options);
        }

        return $this->lastOptions->pointer;
    }

    private function __clone()
    {
    }
}
