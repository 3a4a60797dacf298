<?php

declare(strict_types=1);

namespace Fast;

/**
 * An entry in a registry for a server of any protocol. It stays listed until it is withdrawn, the object goes or the process
 * ends. In a forked child it is the parent's and does nothing.
 */
final class Announcement
{
    private readonly Library $library;
    private readonly Handle $announcement;

    /**
     * Waits until the entry is listed, or until it is known that its registry cannot be reached, at most 5 s; then it is listed
     * when that answers.
     *
     * @param array<string, bool|int|float|string> $options by name, see docs/OPTIONS.md: `announce` and `advertise`, and if
     *                                                      wanted `weight` and `zone`
     */
    public function __construct(array $options)
    {
        $this->library = $library = Library::get();
        [$config, $error] = [$library->config($options), $library->errorSlot()];
        $announcement = $library->ffi->fast_announcement_new($config->pointer, $error);
        $this->announcement = $library->made($announcement, $error, 'fast_announcement_free');
    }

    /** "registered", "connecting", "suspended" (listed when last heard of), "lost" or "closed". */
    public function state(): string
    {
        return $this->library->ffi->fast_announcement_state($this->announcement->pointer);
    }

    /**
     * Gives the server another share of calls, relative to others, from 0 (no new calls) to 1,000,000; returns when that is
     * listed. Fails, after 5 s at the latest, if the registry does not answer; the change is made when it does.
     */
    public function setWeight(int $weight): void
    {
        if ($weight < 0) {
            throw FastException::of(Codes::E_INVALID, "the weight $weight is less than 0");
        }
        $error = $this->library->errorSlot();
        $code = $this->library->ffi->fast_announcement_set_weight($this->announcement->pointer, $weight, $error);
        $this->library->check($code, $error);
    }

    /**
     * Says that the server drains, gives clients a quarter of a second to hear it, takes the entry off and waits until the
     * registry acknowledged that. Serve meanwhile. A second time does nothing.
     */
    public function withdraw(): void
    {
        $error = $this->library->errorSlot();
        $code = $this->library->ffi->fast_announcement_withdraw($this->announcement->pointer, $error);
        $this->library->check($code, $error);
    }

    private function __clone()
    {
    }
}
