<?php

declare(strict_types=1);

namespace Fast;

/**
 * An endpoint that was chosen for a call over another protocol. Report how the call went, so that the next choices are good.
 */
final class Pick
{
    /** The address, host:port or unix:/path. */
    public readonly string $endpoint;

    /** @internal */
    public function __construct(private readonly Library $library, private readonly Handle $pick)
    {
        $this->endpoint = $library->ffi->fast_pick_endpoint($pick->pointer);
    }

    /**
     * Tells how the call went. A second report is refused with FAST_E_STATE.
     *
     * @param int  $latencyUs how long it took, in microseconds: intdiv(hrtime(true) - $start, 1000)
     * @param bool $ok        whether the endpoint did its part
     */
    public function report(int $latencyUs, bool $ok = true): void
    {
        $code = $this->library->ffi->fast_pick_report($this->pick->pointer, $latencyUs, $ok);
        $this->library->check($code, null, 'the outcome of this pick cannot be reported: it was reported before');
    }

    private function __clone()
    {
    }
}
