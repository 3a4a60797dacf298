<?php

declare(strict_types=1);

namespace Fast;

use FFI\CData;

/**
 * Owns one object of the library and frees it: when asked to, when the last reference goes, or at the end of the request.
 *
 * @internal
 */
final class Handle
{
    /** @param string $free the function that frees it */
    public function __construct(public ?CData $pointer, private readonly string $free, private readonly Library $library)
    {
        $library->own($this);
    }

    public function __destruct()
    {
        $this->free();
    }

    /** A second time does nothing. The functions of the library refuse the null that is left. */
    public function free(): void
    {
        [$pointer, $this->pointer] = [$this->pointer, null];
        if ($pointer !== null) {
            $this->library->ffi->{$this->free}($pointer);
        }
    }

    private function __clone()
    {
    }
}
