<?php

declare(strict_types=1);

namespace Fast;

use FFI\CData;

/**
 * The options of one call, checked, in the form the library takes.
 *
 * @internal
 */
final class CallOptions
{
    private const NAMES = [
        'timeout_ms', 'idempotent', 'retries', 'window', 'ignore_null_values', 'affinity', 'hedge', 'wait_for_ready',
    ];

    public readonly CData $pointer;
    /** Kept because the pointer does not. */
    private readonly CData $struct;
    /** The bytes of its text. */
    private readonly ?CData $affinity;

    /** @param array<string, bool|int|float|string> $options by name */
    public function __construct(Library $library, public readonly array $options)
    {
        // The library knows names, bounds and hints.
        $library->config($options);
        foreach (array_diff(array_keys($options), self::NAMES) as $name) {
            $message = "option \"$name\" is a client's or server's; a call has " . implode(', ', self::NAMES);
            throw FastException::of(Codes::E_INVALID, $message);
        }
        $struct = $library->ffi->new('fast_call_opts');
        $struct->struct_size = \FFI::sizeof($struct);
        // In the struct 0 stands for the client's option, and -1 for what 0 means as text.
        $struct->timeout_ms = self::number($options, 'timeout_ms');
        $struct->retries = self::number($options, 'retries');
        $struct->window = max(0, self::number($options, 'window'));
        $struct->flags = self::choice($options, 'idempotent', Codes::CALL_IDEMPOTENT, Codes::CALL_NOT_IDEMPOTENT)
            | self::choice($options, 'ignore_null_values', Codes::CALL_IGNORE_NULL_VALUES, Codes::CALL_REFUSE_NULL_VALUES)
            | self::choice($options, 'hedge', Codes::CALL_HEDGE, Codes::CALL_NO_HEDGE)
            | self::choice($options, 'wait_for_ready', Codes::CALL_WAIT_FOR_READY, Codes::CALL_FAIL_FAST);
        $affinity = (string) ($options['affinity'] ?? '');
        if (isset($options['affinity'])) {
            // An array has one element at least.
            $this->affinity = $library->ffi->new('char[' . max(1, strlen($affinity)) . ']');
            \FFI::memcpy($this->affinity, $affinity, strlen($affinity));
            $struct->affinity = $library->ffi->cast('char *', \FFI::addr($this->affinity));
            $struct->affinity_len = strlen($affinity);
        } else {
            $this->affinity = null;
        }
        $this->struct = $struct;
        $this->pointer = \FFI::addr($struct);
    }

    /** @param array<string, bool|int|float|string> $options by name */
    private static function number(array $options, string $name): int
    {
        return isset($options[$name]) ? ((int) $options[$name] ?: -1) : 0;
    }

    /** @param array<string, bool|int|float|string> $options by name */
    private static function choice(array $options, string $name, int $yes, int $no): int
    {
        return isset($options[$name]) ? (in_array($options[$name], [true, 1, '1', 'true'], true) ? $yes : $no) : 0;
    }
}
