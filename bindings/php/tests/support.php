<?php

// What the tests share: checks, servers, and programs of their own.

declare(strict_types=1);

namespace Fast\Tests;

use Fast\FastException;

final class Skipped extends \Exception
{
}

final class Failed extends \Exception
{
}

function same(mixed $wanted, mixed $got, string $what = 'value'): void
{
    if ($wanted !== $got) {
        throw new Failed("$what: wanted " . var_export($wanted, true) . ', got ' . var_export($got, true));
    }
}

function check(bool $true, string $what): void
{
    same(true, $true, $what);
}

function contains(string $part, string $text): void
{
    check(str_contains($text, $part), "\"$part\" in \"$text\"");
}

/** The exception that a function throws; it must be of that very class. */
function thrown(string $class, callable $function): FastException
{
    try {
        $function();
    } catch (FastException $error) {
        same($class, $error::class, "class of \"{$error->getMessage()}\"");

        return $error;
    }
    throw new Failed("no $class was thrown");
}

/** An empty folder; with `$remove` all of them are removed instead. */
function folder(bool $remove = false): string
{
    static $folders = [];
    if ($remove) {
        array_map(remove(...), $folders);

        return '';
    }
    $folder = $folders[] = sys_get_temp_dir() . '/libfast-php-' . bin2hex(random_bytes(8));
    mkdir($folder, 0700);

    return $folder;
}

function remove(string $path): void
{
    if (is_dir($path) && !is_link($path)) {
        foreach (array_diff(scandir($path), ['.', '..']) as $name) {
            remove("$path/$name");
        }
        rmdir($path);
    } else {
        unlink($path);
    }
}

/** The address of a port that nobody listens on. */
function deaf_address(): string
{
    $socket = stream_socket_server('tcp://127.0.0.1:0');
    $address = stream_socket_get_name($socket, false);
    fclose($socket);

    return $address;
}

/** Connections of this process to an address. */
function connections(string $address): int
{
    $port = (int) substr(strrchr($address, ':'), 1);
    $own = [];
    foreach (glob('/proc/self/fd/*') as $fd) {
        if (preg_match('/^socket:\[(\d+)\]$/', (string) @readlink($fd), $match)) {
            $own[$match[1]] = true;
        }
    }
    $count = 0;
    foreach (array_slice(file('/proc/self/net/tcp'), 1) as $line) {
        $fields = preg_split('/\s+/', trim($line));
        $remote = hexdec(explode(':', $fields[2])[1]);
        $count += $remote === $port && isset($own[$fields[9]]) ? 1 : 0;
    }

    return $count;
}

/** Waits until something that happens in the background has happened. */
function eventually(callable $happened, string $what): void
{
    $deadline = hrtime(true) + 10_000_000_000;
    while (!$happened()) {
        check(hrtime(true) < $deadline, "within 10 seconds: $what");
        usleep(1000);
    }
}

/**
 * Runs a program of scripts/ in a PHP of its own and waits for it.
 *
 * @param list<string>          $arguments
 * @param array<string, string> $environment
 * @param list<string>          $settings    of PHP, as -d takes them
 *
 * @return array{int, string, string} its exit code, output and errors
 */
function script(string $name, array $arguments = [], array $environment = [], array $settings = []): array
{
    $options = ['-d', 'display_errors=stderr', '-d', 'log_errors=0'];
    foreach ($settings as $setting) {
        array_push($options, '-d', $setting);
    }
    $command = [PHP_BINARY, ...$options, __DIR__ . "/scripts/$name", ...$arguments];
    $pipes = [];
    $process = proc_open($command, [['file', '/dev/null', 'r'], ['pipe', 'w'], ['pipe', 'w']], $pipes, null, $environment + getenv());
    [$output, $errors] = [stream_get_contents($pipes[1]), stream_get_contents($pipes[2])];

    return [proc_close($process), $output, $errors];
}

/** A running calc_server. */
final class CalcServer
{
    private static ?self $shared = null;

    public readonly string $target;
    public readonly string $address;
    /** @var resource */
    private $process;
    /** @var array<int, resource> */
    private array $pipes = [];

    /** The one for tests that leave it as it is. */
    public static function shared(): self
    {
        return self::$shared ??= new self();
    }

    public static function stopAll(): void
    {
        self::$shared?->stop();
    }

    public function __construct()
    {
        $program = getenv('CALC_SERVER') ?: dirname(__DIR__, 3) . '/target/release/examples/calc_server';
        if (!is_executable($program)) {
            throw new Skipped("no $program: run `make bindings`");
        }
        $this->target = 'dir://' . folder() . '/calc';
        $this->process = proc_open([$program, $this->target], [['pipe', 'r'], ['pipe', 'w']], $this->pipes);
        $line = (string) fgets($this->pipes[1]);
        check(str_starts_with($line, 'listening '), "start of calc_server: \"$line\"");
        $this->address = trim(substr($line, strlen('listening ')));
    }

    /** Ends it cleanly and waits for that. */
    public function stop(): void
    {
        fclose($this->pipes[0]);
        proc_close($this->process);
    }

    /** Ends it at once. */
    public function kill(): void
    {
        proc_terminate($this->process, SIGKILL);
        $this->stop();
    }
}
