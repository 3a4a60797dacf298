<?php

// Requests of one worker, in the web server of PHP.

declare(strict_types=1);

namespace Fast\Tests;

/**
 * Runs the web server while `$use` makes requests of it.
 *
 * @param list<string>              $settings of PHP, as -d takes them
 * @param callable(\Closure): void $use      gets a function that requests a path and returns the answer
 */
$with_worker = static function (array $settings, callable $use): void {
    $folder = folder();
    symlink(getenv('FAST_LIB') ?: dirname(__DIR__, 3) . '/target/release/libfast.so', "$folder/libfast.so.1");
    $options = ['-d', 'display_errors=0', '-d', 'log_errors=0'];
    foreach ($settings as $setting) {
        array_push($options, '-d', $setting);
    }
    $command = [PHP_BINARY, ...$options, '-S', '127.0.0.1:0', __DIR__ . '/scripts/worker.php'];
    $environment = ['LD_LIBRARY_PATH' => $folder, 'CALC_TARGET' => CalcServer::shared()->target] + getenv();
    $pipes = [];
    $process = proc_open($command, [['file', '/dev/null', 'r'], ['file', '/dev/null', 'w'], ['pipe', 'w']], $pipes, null, $environment);
    try {
        do {
            $line = fgets($pipes[2]);
            check($line !== false, 'start of the web server');
        } while (preg_match('~\((http://[^)]+)\) started~', $line, $match) !== 1);
        $context = stream_context_create(['http' => ['ignore_errors' => true]]);
        $use(static fn (string $path): string => file_get_contents($match[1] . $path, false, $context));
    } finally {
        proc_terminate($process);
        proc_close($process);
    }
};

$requests = static function (\Closure $request): void {
    $threads = null;
    for ($i = 1; $i <= 200; $i++) {
        [$sum, $calls, $under_way, $now] = json_decode($request('/call'), true, 512, JSON_THROW_ON_ERROR);
        same([5, $i, 0, $threads ??= $now], [$sum, $calls, $under_way, $now]);
    }
};

$preload = [
    'ffi.enable=preload',
    'ffi.preload=' . dirname(__DIR__) . '/src/fast_php.h',
    'opcache.enable=1',
    'opcache.preload=' . dirname(__DIR__) . '/src/preload.php',
];
if (function_exists('posix_getuid') && posix_getuid() === 0) {
    $preload[] = 'opcache.preload_user=nobody';
}

return [
    'a worker keeps its shared client from request to request' => static fn () => $with_worker(['ffi.enable=1'], $requests),

    'a worker whose FFI is preloaded does, too' => static function () use ($with_worker, $requests, $preload): void {
        if (!extension_loaded('Zend OPcache')) {
            throw new Skipped('PHP has no opcache');
        }
        $with_worker($preload, $requests);
    },

    'after fatal errors in streams a worker goes on' => static fn () => $with_worker(['ffi.enable=1'], static function (\Closure $request): void {
        for ($i = 1; $i <= 10; $i++) {
            same('', $request('/fatal'));
            [$sum, $calls, $under_way] = json_decode($request('/call'), true, 512, JSON_THROW_ON_ERROR);
            same([5, 2 * $i, 0], [$sum, $calls, $under_way]);
        }
    }),
];
