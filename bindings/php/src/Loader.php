<?php

declare(strict_types=1);

namespace Fast;

/**
 * Finds libfast: the scope that `ffi.preload` made, the file that `FAST_LIB` names, a build in the repository, the file that
 * comes with the package, the system's libfast.so.1.
 *
 * @internal
 */
final class Loader
{
    private const HEADER = __DIR__ . '/fast_php.h';
    private const SYSTEM = 'libfast.so.1';
    private const VERSION = 'uint32_t fast_version(void); const char *fast_version_str(void);';

    public static function load(): \FFI
    {
        if (!extension_loaded('ffi')) {
            throw self::failure('PHP has no FFI: install or enable its extension "ffi" (extension=ffi in php.ini)');
        }
        try {
            return self::checked(\FFI::scope('FAST'), 'the library of ffi.preload');
        } catch (\FFI\Exception) {
            // Not preloaded.
        }
        $tried = [];
        foreach (self::candidates() as $file) {
            try {
                return self::checked(\FFI::cdef(self::header(), $file), $file);
            } catch (\FFI\Exception $error) {
                self::explain($file, $error);
                $tried[] = $error->getMessage();
            }
        }
        $all = implode('; ', $tried);
        throw self::failure("libfast was not found: install it, or name its file in FAST_LIB. Tried: $all");
    }

    /** @return list<string> */
    private static function candidates(): array
    {
        $named = getenv('FAST_LIB');
        if ($named !== false && $named !== '') {
            return [$named];
        }
        $built = dirname(__DIR__, 3) . '/target/release/libfast.so';
        $packaged = dirname(__DIR__) . '/lib/' . self::SYSTEM;

        return [...array_filter([$built, $packaged], is_file(...)), self::SYSTEM];
    }

    /** Throws if it is clear why a file cannot be used, so that trying another one would hide the reason. */
    private static function explain(string $file, \FFI\Exception $error): void
    {
        if (str_contains($error->getMessage(), 'ffi.enable')) {
            $preload = 'ffi.preload=' . self::HEADER . ' and opcache.preload=' . __DIR__ . '/preload.php';
            $advice = "set ffi.enable=true, or ffi.enable=preload with $preload";
            throw self::failure("PHP does not allow FFI here: $advice, in php.ini ({$error->getMessage()})");
        }
        try {
            // One function that is missing spoils all; the version tells whether the library is too old.
            self::checked(\FFI::cdef(self::VERSION, $file), $file);
        } catch (\FFI\Exception) {
            // There is no library at all.
        }
    }

    private static function checked(\FFI $ffi, string $where): \FFI
    {
        $needed = [Codes::VERSION_MAJOR, Codes::VERSION_MINOR, Codes::VERSION_PATCH];
        if ($ffi->fast_version() < ($needed[0] << 16 | $needed[1] << 8 | $needed[2])) {
            $version = $ffi->fast_version_str();
            $needed = implode('.', $needed);
            throw self::failure("libfast $version ($where) is too old: this package needs $needed or newer");
        }

        return $ffi;
    }

    private static function header(): string
    {
        return (string) file_get_contents(self::HEADER);
    }

    private static function failure(string $message): FastException
    {
        return FastException::of(Codes::E_UNSUPPORTED, $message);
    }
}
