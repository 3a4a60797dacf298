<?php

declare(strict_types=1);

namespace Fast;

use FFI\CData;

/**
 * An entry in a registry for a server of any protocol. It stays listed until it is withdrawn, the object goes or the process
 * ends. In a forked child it is the parent's and does nothing.
 */
final class Announcement
{
    /** Between two of these PHP gets to run its signal handlers. */
    private const SLICE_MS = 100;

    private readonly Library $library;
    private readonly Handle $announcement;
    /** Where changes of the state wait for those who hear of them. */
    private ?Handle $changes = null;
    /** @var list<callable(string, ?FastException): mixed> */
    private array $hearers = [];

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
     * Has `$hear(string $state, ?FastException $error)` called for each change of the state from now on; the error tells why the
     * entry is not listed. PHP has no thread that could do so at once: changes wait until they are delivered with `deliver`.
     */
    public function onAnnouncement(callable $hear): self
    {
        $this->changes ??= $this->watch();
        $this->hearers[] = $hear;

        return $this;
    }

    /**
     * Delivers the changes of the state that came since, and returns how many there were. If none did, it waits at most
     * `$timeoutMs` for one; signal handlers run meanwhile. What a callback throws comes out of here, and the changes behind it
     * are delivered next time.
     */
    public function deliver(int $timeoutMs = 0): int
    {
        $queue = $this->changes ?? throw FastException::of(Codes::E_STATE, 'nobody hears of changes: call onAnnouncement first');
        [$ffi, $event, $count] = [$this->library->ffi, $this->library->ffi->new('fast_event[1]'), 0];
        $deadline = hrtime(true) + 1_000_000 * max(0, $timeoutMs);
        do {
            $left = $count > 0 ? 0 : (int) ceil(max(0, $deadline - hrtime(true)) / 1_000_000);
            $got = $ffi->fast_queue_poll($queue->pointer, $event, 1, min($left, self::SLICE_MS));
            $this->library->check($got, null, 'changes of an announcement cannot be delivered in a forked child or after the shutdown');
            if ($got === 1) {
                $count++;
                $this->tell($event);
            }
        } while ($got === 1 || $left > 0);

        return $count;
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
     * Says something else of the server, in place of all that was said: text as of the option `metadata`, empty for nothing.
     * Waits and fails as `setWeight` does; what is malformed or too long for an entry changes nothing.
     */
    public function setMetadata(string $metadata): void
    {
        $error = $this->library->errorSlot();
        $entry = $this->announcement->pointer;
        $code = $this->library->ffi->fast_announcement_set_metadata($entry, $metadata, strlen($metadata), $error);
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

    private function watch(): Handle
    {
        [$library, $error] = [$this->library, $this->library->errorSlot()];
        $queue = $library->made($library->ffi->fast_queue_new($error), $error, 'fast_queue_free');
        $code = $library->ffi->fast_announcement_watch($this->announcement->pointer, $queue->pointer, 0, $error);
        $library->check($code, $error);

        return $queue;
    }

    /** @param CData $events one, which is released */
    private function tell(CData $events): void
    {
        [$library, $event, $error] = [$this->library, $events[0], null];
        $state = $library->ffi->fast_buf_data($event->buf);
        if ($event->error !== null) {
            $slot = $library->errorSlot();
            [$slot[0], $event->error] = [$event->error, null];
            $error = $library->failure($slot);
        }
        $library->ffi->fast_events_release($events, 1);
        foreach ($this->hearers as $hear) {
            $hear($state, $error);
        }
    }

    private function __clone()
    {
    }
}
