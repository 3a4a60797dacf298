<?php

// For opcache.preload. Under ffi.enable=preload only preloaded functions may use FFI, so the classes have to be, besides the
// header that ffi.preload names.

declare(strict_types=1);

foreach (glob(__DIR__ . '/*.php') as $file) {
    if (!in_array(basename($file), ['autoload.php', 'preload.php'], true)) {
        opcache_compile_file($file);
    }
}
