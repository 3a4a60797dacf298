<?php

declare(strict_types=1);

namespace Fast;

/** What a buffered call brought: as many values as were wanted, and how it ended. */
final class Buffered
{
    /**
     * @internal
     *
     * @param list<mixed>    $values the first values, valid with an error as well
     * @param int            $count  how many came in all
     * @param ?FastException $error  why the call failed, if it did
     */
    public function __construct(
        public readonly array $values,
        public readonly int $count,
        public readonly ?FastException $error,
    ) {
    }

    /**
     * Of a call whose values come one by one.
     *
     * @internal
     *
     * @param iterable<mixed> $stream
     */
    public static function of(iterable $stream, int $maxValues): self
    {
        [$values, $count, $error] = [[], 0, null];
        try {
            foreach ($stream as $value) {
                if (++$count <= $maxValues) {
                    $values[] = $value;
                }
            }
        } catch (FastException $failed) {
            $error = $failed;
        }

        return new self($values, $count, $error);
    }
}
