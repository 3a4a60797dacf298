<?php

declare(strict_types=1);

namespace Fast;

/** A call before it begins, as the interceptors of its client see it. Arguments and options may be changed. */
final class OutgoingCall
{
    /** @var ?list<mixed> */
    private ?array $given = null;
    /** @var list<callable(mixed): mixed> */
    private array $onValue = [];
    /** @var list<callable(Outcome): mixed> */
    private array $onEnd = [];
    private int $count = 0;
    private readonly int $began;

    /**
     * @internal
     *
     * @param string $target what the client was made of
     * @param mixed  $args   a list
     * @param array<string, bool|int|float|string> $options of this call alone, by name
     */
    public function __construct(
        public readonly string $target,
        public readonly string $method,
        public mixed $args,
        public array $options,
    ) {
        $this->began = hrtime(true);
    }

    /**
     * Answers the call with these values, after those that were given before. The interceptors after this one, and the server,
     * do not see it. Fast has no null values: null is an answer without one.
     */
    public function answer(mixed ...$values): void
    {
        $values = array_filter($values, static fn (mixed $value): bool => $value !== null);
        $this->given = [...($this->given ?? []), ...array_values($values)];
    }

    /**
     * Has each value told.
     *
     * @param callable(mixed): mixed $hook
     */
    public function onValue(callable $hook): void
    {
        $this->onValue[] = $hook;
    }

    /**
     * Has the end told, once. The last interceptor hears first.
     *
     * @param callable(Outcome): mixed $hook
     */
    public function onEnd(callable $hook): void
    {
        $this->onEnd[] = $hook;
    }

    /**
     * Leads it through; what it was answered with, or null.
     *
     * @internal
     *
     * @param list<callable(self): mixed> $interceptors
     *
     * @return ?list<mixed>
     */
    public function pass(array $interceptors): ?array
    {
        try {
            foreach ($interceptors as $interceptor) {
                $interceptor($this);
                if ($this->given !== null) {
                    return $this->given;
                }
            }
        } catch (\Throwable $error) {
            $this->ended($error, '', 0);
            throw $error;
        }

        return null;
    }

    /** @internal */
    public function saw(mixed $value): void
    {
        $this->count++;
        self::tell($this->onValue, $value);
    }

    /** @internal */
    public function ended(?\Throwable $error, string $endpoint, int $attempts): void
    {
        [$hooks, $this->onEnd] = [$this->onEnd, []];
        if ($hooks !== []) {
            self::tell($hooks, new Outcome($this->count, $error, $endpoint, $attempts, (hrtime(true) - $this->began) / 1e9));
        }
    }

    /**
     * What an interceptor makes of it is not the business of the call.
     *
     * @param list<callable> $hooks
     */
    private static function tell(array $hooks, mixed $what): void
    {
        foreach (array_reverse($hooks) as $hook) {
            try {
                $hook($what);
            } catch (\Throwable $error) {
                trigger_error('an interceptor failed beside a call: ' . $error->getMessage(), E_USER_WARNING);
            }
        }
    }

    private function __clone()
    {
    }
}
