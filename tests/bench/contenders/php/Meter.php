<?php

declare(strict_types=1);

/** When to count, and when to stop; times are those of hrtime(). As ../../src/measured.rs. */
final class Meter
{
    private const WARM_UP = 300_000_000;
    /** Latencies kept; later calls are counted without. */
    private const LATENCIES = 1 << 20;

    private readonly int $counting;
    private readonly int $duration;
    private int $first = 0;
    private int $last = 0;
    private int $calls = 0;
    private int $made = 0;
    /** @var list<int> */
    private array $latencies = [];

    public function __construct(float $seconds)
    {
        $this->counting = hrtime(true) + self::WARM_UP;
        $this->duration = (int) ($seconds * 1e9);
    }

    /** Counts one call; false once the time is over. */
    public function count(int $began, int $ended): bool
    {
        $this->made++;
        if ($this->first === 0) {
            if ($ended >= $this->counting) {
                $this->first = $this->last = $ended;
            }
        } elseif ($this->last - $this->first < $this->duration) {
            $this->last = $ended;
            if ($this->calls++ < self::LATENCIES) {
                $this->latencies[] = $ended - $began;
            }
        }

        return $this->last - $this->first < $this->duration;
    }

    public function report(int $units): string
    {
        sort($this->latencies);
        $at = fn (float $quantile) => $this->latencies[(int) (count($this->latencies) * $quantile)] / 1e3;

        return json_encode([
            'per_second' => $this->calls * $units * 1e9 / ($this->last - $this->first),
            'calls' => $this->calls,
            'made' => $this->made,
            'p50_us' => $at(0.5),
            'p99_us' => $at(0.99),
            'p999_us' => $at(0.999),
        ]);
    }
}
