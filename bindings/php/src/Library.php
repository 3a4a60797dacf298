<?php

declare(strict_types=1);

namespace Fast;

use FFI\CData;
use FFI\CType;

/**
 * The loaded libfast, and what all its functions share: errors, buffers, options. One per request.
 *
 * Loading starts no thread and opens no connection; the first client does.
 *
 * @internal
 */
final class Library
{
    private static ?self $loaded = null;

    public readonly \FFI $ffi;
    private readonly CType $errorSlot;
    private readonly CType $bufferSlot;
    private readonly CType $callSlot;
    private readonly CType $countSlot;
    /** @var \WeakMap<Handle, true> what is to be freed if the request ends without destructors */
    private readonly \WeakMap $handles;

    public static function get(): self
    {
        return self::$loaded ??= new self();
    }

    private function __construct()
    {
        $this->ffi = Loader::load();
        $this->errorSlot = $this->ffi->type('fast_error*[1]');
        $this->bufferSlot = $this->ffi->type('fast_buf*[1]');
        $this->callSlot = $this->ffi->type('fast_call*[1]');
        $this->countSlot = $this->ffi->type('uint64_t[1]');
        $this->handles = new \WeakMap();
        register_shutdown_function($this->sweep(...));
    }

    /** A place for an error. One for each call: a signal handler may make a call between two lines of another. */
    public function errorSlot(): CData
    {
        return $this->ffi->new($this->errorSlot);
    }

    public function bufferSlot(): CData
    {
        return $this->ffi->new($this->bufferSlot);
    }

    public function callSlot(): CData
    {
        return $this->ffi->new($this->callSlot);
    }

    public function countSlot(): CData
    {
        return $this->ffi->new($this->countSlot);
    }

    /**
     * Where the last attempt of a call went, and how many there were.
     *
     * @return array{string, int}
     */
    public function way(Handle $call): array
    {
        [$endpoint, $attempts, $error] = [$this->bufferSlot(), $this->ffi->new('uint32_t[1]'), $this->errorSlot()];
        $this->check($this->ffi->fast_call_way($call->pointer, $endpoint, $attempts, $error), $error);

        return [$this->take($endpoint), $attempts[0]];
    }

    /** Takes the text out of a buffer and releases it. JSON text has no NUL, so PHP reads it to its end. */
    public function take(CData $slot): string
    {
        $text = $this->ffi->fast_buf_data($slot[0]);
        $this->ffi->fast_buf_unref($slot[0]);

        return $text;
    }

    /** Throws if a function returned a failure. `$slot` is null for functions that give no error object. */
    public function check(int $code, ?CData $slot, string $what = ''): void
    {
        if ($code < 0) {
            throw $slot === null ? FastException::of($code, $what) : $this->failure($slot);
        }
    }

    /** What a function made, or its error as an exception. */
    public function made(?CData $pointer, CData $slot, string $free): Handle
    {
        return new Handle($pointer ?? throw $this->failure($slot), $free, $this);
    }

    /** @param array<string, bool|int|float|string> $options by name */
    public function config(array $options): Handle
    {
        $config = new Handle($this->ffi->fast_config_new(), 'fast_config_free', $this);
        // In one order, because the library compares the options of shared clients in the order they were set.
        ksort($options, SORT_STRING);
        foreach ($options as $name => $value) {
            $this->set($config, (string) $name, $value);
        }

        return $config;
    }

    /** Text for an argument that ends with a NUL. */
    public static function text(string $text, string $what): string
    {
        if (str_contains($text, "\0")) {
            throw FastException::of(Codes::E_INVALID, "$what has a NUL byte");
        }

        return $text;
    }

    public function own(Handle $handle): void
    {
        $this->handles[$handle] = true;
    }

    private function set(Handle $config, string $name, mixed $value): void
    {
        $value = match (true) {
            is_bool($value) => $value ? 'true' : 'false',
            is_int($value), is_float($value), is_string($value) => (string) $value,
            default => throw FastException::of(
                Codes::E_INVALID,
                "option \"$name\" is of type " . get_debug_type($value) . '; use a bool, an int or a string',
            ),
        };
        $slot = $this->errorSlot();
        $name = self::text($name, 'the name of an option');
        $value = self::text($value, "option \"$name\"");
        $this->check($this->ffi->fast_config_set($config->pointer, $name, $value, $slot), $slot);
    }

    /** The error of a function that did not return it, as an exception; frees it. */
    public function failure(CData $slot): FastException
    {
        [$ffi, $error] = [$this->ffi, $slot[0]];
        $exception = FastException::of(
            $ffi->fast_error_code($error),
            $ffi->fast_error_message($error),
            $ffi->fast_error_endpoint($error),
            $ffi->fast_error_retriable($error),
            $ffi->fast_error_remote_name($error),
            Json::decodePart($ffi->fast_error_remote_info($error)),
            $ffi->fast_error_cause_name($error),
            Json::decodePart($ffi->fast_error_merged_info($error)),
            $ffi->fast_error_remote_message($error),
            Json::decodePart($ffi->fast_error_remote_context($error)),
            Json::decodePart($ffi->fast_error_remote_ase_errors($error)),
        );
        $ffi->fast_error_free($error);

        return $exception;
    }

    /**
     * After a fatal error PHP runs no destructors, and in a worker what they would have freed would outlive the request: a
     * stream that nobody reads would hold up its connection.
     */
    private function sweep(): void
    {
        $fatal = E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR | E_RECOVERABLE_ERROR;
        if (((error_get_last()['type'] ?? 0) & $fatal) === 0) {
            return;
        }
        foreach ($this->handles as $handle => $_) {
            $handle->free();
        }
    }
}
