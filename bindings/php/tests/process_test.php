<?php

declare(strict_types=1);

namespace Fast\Tests;

$ends_in_stream = static function (string $how, int $code, string $said): callable {
    return static function () use ($how, $code, $said): void {
        [$got, $output, $errors] = script('end_in_stream.php', [CalcServer::shared()->target, $how]);
        same(["under way: 0\n", $code], [$output, $got], $errors);
        contains($said, $errors);
    };
};

return [
    'clients of a parent work in its children, and what cannot says so' => static function (): void {
        if (!function_exists('pcntl_fork')) {
            throw new Skipped('PHP has no pcntl');
        }
        [$code, $output, $errors] = script('fork.php', [CalcServer::shared()->target]);
        $wanted = <<<'END'
            own client: 5 7
            shared client: 55 7
            stream: FAST_E_FORKED 7
            closed client: FAST_E_FORKED 7
            announcement: closed 7
            its changes: FAST_E_FORKED 7
            child of a child: 5 7 7
            nothing: - 7
            parent: 1 5 5 registered
            announced: 127.0.0.1:5432

            END;
        same([$wanted, '', 0], [$output, $errors, $code]);
    },

    'exit in a stream leaves nothing' => $ends_in_stream('exit', 3, ''),
    'an uncaught exception in a stream leaves nothing' => $ends_in_stream('exception', 255, 'DomainException'),
    'a fatal error in a stream leaves nothing' => $ends_in_stream('fatal', 255, 'of the program'),
    'an undefined function in a stream leaves nothing' => $ends_in_stream('undefined', 255, 'undefined_function'),
    'the memory limit in a stream leaves nothing' => $ends_in_stream('memory', 255, 'Allowed memory size'),
    'the time limit in a stream leaves nothing' => $ends_in_stream('time', 255, 'Maximum execution time'),

    'loading starts no threads and opens no descriptors' => static function (): void {
        [$before, $loaded, $more] = json_decode(script('threads.php')[1], true);
        same([$before, true], [$loaded, $more]);
    },

    'a library that is not there is named' => static function (): void {
        [$code, $output] = script('load.php', [], ['FAST_LIB' => '/nowhere/libfast.so']);
        contains('Fast\UnsupportedException FAST_E_UNSUPPORTED libfast was not found', $output);
        contains('/nowhere/libfast.so', $output);
        contains('FAST_LIB', $output);
        same(0, $code);
    },

    'a library that is too old is named with its version' => static function (): void {
        $file = folder() . '/libfast.so';
        $source = "$file.c";
        file_put_contents($source, 'unsigned fast_version(void) { return 7; } const char *fast_version_str(void) { return "0.0.7"; }');
        exec('cc -shared -fPIC -o ' . escapeshellarg($file) . ' ' . escapeshellarg($source) . ' 2>&1', $output, $code);
        if ($code !== 0) {
            throw new Skipped('no C compiler: ' . implode(' ', $output));
        }
        $output = script('load.php', [], ['FAST_LIB' => $file])[1];
        contains("libfast 0.0.7 ($file) is too old", $output);
        contains('needs ', $output);
    },

    'a preloaded header is used' => static function (): void {
        $folder = folder();
        symlink(getenv('FAST_LIB') ?: dirname(__DIR__, 3) . '/target/release/libfast.so', "$folder/libfast.so.1");
        $header = dirname(__DIR__) . '/src/fast_php.h';
        $environment = ['LD_LIBRARY_PATH' => $folder, 'FAST_LIB' => '/nowhere/libfast.so'];
        $settings = ['ffi.enable=preload', "ffi.preload=$header", 'opcache.enable_cli=1'];
        [$code, $output, $errors] = script('load.php', [CalcServer::shared()->target], $environment, $settings);
        same(['5', '', 0], [$output, $errors, $code]);
    },

    'workers that share a list say that they have no folder for it' => static function (): void {
        $no_home = ['HOME' => '', 'XDG_CACHE_HOME' => ''];
        [$code, $output] = script('load.php', ['zk://127.0.0.1:1/fast/calc', '{"registry_cache":"leader"}'], $no_home);
        contains('FAST_E_INVALID', $output);
        contains('set registry_cache_dir', $output);
        same(0, $code);
    },

    'FFI that is not allowed is explained' => static function (): void {
        $output = script('load.php', [], [], ['ffi.enable=0'])[1];
        contains('PHP does not allow FFI here: set ffi.enable=true', $output);
    },

    'FFI that is not there is explained' => static function (): void {
        if (!extension_loaded('ffi')) {
            throw new Skipped('PHP has no FFI');
        }
        // -n: without php.ini, which loads the extension where it is not built in.
        $command = escapeshellarg(PHP_BINARY) . ' -n ' . escapeshellarg(__DIR__ . '/scripts/load.php');
        exec($command, $output);
        if (exec(escapeshellarg(PHP_BINARY) . ' -n -r ' . escapeshellarg('echo (int) extension_loaded("ffi");')) === '1') {
            throw new Skipped('FFI is built in');
        }
        contains('PHP has no FFI', implode("\n", $output));
    },
];
