<?php

declare(strict_types=1);

namespace Fast;

/**
 * The values of one call, as they come: foreach ($client->stream('range', [3]) as $value). Can be read once.
 *
 * Leaving the loop, or dropping the stream, abandons the call: the server is not told and goes on. If more than the option
 * `stream_buffer_bytes` waits to be read, other calls on the same connection wait as well; so in the loop make calls with
 * another client.
 *
 * @implements \IteratorAggregate<int, mixed>
 */
final class Stream implements \IteratorAggregate
{
    /** Between two of these PHP gets to run its signal handlers. */
    private const SLICE_MS = 100;

    private bool $read = false;

    /**
     * @internal
     *
     * @param ?Handle $call none of one that an interceptor has answered
     * @param Handle $client kept, because a call that was not sent yet needs it
     * @param ?OutgoingCall $seen if interceptors see it
     * @param list<mixed> $given the values of an interceptor
     */
    public function __construct(
        private readonly Library $library,
        private readonly ?Handle $call,
        private readonly Handle $client,
        private readonly bool $assoc,
        private readonly ?OutgoingCall $seen = null,
        private readonly array $given = [],
    ) {
    }

    public function __destruct()
    {
        if ($this->seen !== null) {
            $this->over(self::abandoned());
        }
    }

    /** @return \Generator<int, mixed> */
    public function getIterator(): \Generator
    {
        if ($this->read) {
            throw FastException::of(Codes::E_STATE, 'a stream can be read once; make another call');
        }
        $this->read = true;

        return $this->seen === null ? $this->values() : $this->seenValues($this->seen);
    }

    /** Stops waiting and gives up the values that are still to come. Leaving the loop does the same. */
    public function abandon(): void
    {
        $this->read = true;
        // Freed with the stream: until then its loop, if it goes on, is told why nothing comes.
        $this->library->ffi->fast_call_abandon($this->call?->pointer);
    }

    /** @return \Generator<int, mixed> */
    private function values(): \Generator
    {
        try {
            while (($text = $this->next()) !== null) {
                yield Json::decode($text, $this->assoc);
            }
        } finally {
            $this->call?->free();
        }
    }

    /**
     * The same, as interceptors see them.
     *
     * @return \Generator<int, mixed>
     */
    private function seenValues(OutgoingCall $seen): \Generator
    {
        $why = self::abandoned();
        try {
            foreach ($this->call === null ? $this->given : $this->pulled() as $value) {
                $seen->saw($value);
                yield $value;
            }
            $why = null;
        } catch (\Throwable $error) {
            throw $why = $error;
        } finally {
            $this->over($why);
            $this->call?->free();
        }
    }

    /** @return \Generator<int, mixed> */
    private function pulled(): \Generator
    {
        while (($text = $this->next()) !== null) {
            yield Json::decode($text, $this->assoc);
        }
    }

    /** Tells interceptors of the end, unless they know of one. */
    private function over(?\Throwable $error): void
    {
        [$endpoint, $attempts] = $this->call?->pointer === null ? ['', 0] : $this->library->way($this->call);
        $known = $error instanceof FastException ? $error->endpoint : '';
        $this->seen?->ended($error, $endpoint === '' ? $known : $endpoint, $attempts);
    }

    private static function abandoned(): FastException
    {
        $cause = ['causeName' => 'FastRequestAbandonedError'];

        return FastException::of(Codes::E_ABANDONED, 'the call was abandoned by its caller', ...$cause);
    }

    /** The JSON text of the next value; null after the last one. */
    private function next(): ?string
    {
        [$library, $ffi] = [$this->library, $this->library->ffi];
        [$value, $error] = [$library->bufferSlot(), $library->errorSlot()];
        do {
            $code = $ffi->fast_call_next($this->call->pointer, self::SLICE_MS, $value, $error);
        } while ($code === Codes::AGAIN);
        $library->check($code, $error);

        return $code === Codes::END ? null : $library->take($value);
    }

    private function __clone()
    {
    }
}
