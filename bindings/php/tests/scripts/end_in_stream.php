<?php

// end_in_stream.php TARGET HOW: ends in the middle of a stream, and prints how many calls of a shared client are under way
// when all is over. What stays then would stay for the next request of a worker.

declare(strict_types=1);

require_once __DIR__ . '/../../src/autoload.php';

[, $target, $how] = $argv;
ini_set('memory_limit', '64M');

// Made before the library registers its own function, but runs after it by registering another one at the end.
register_shutdown_function(static function () use ($target): void {
    register_shutdown_function(static function () use ($target): void {
        gc_collect_cycles();
        echo 'under way: ', Fast\Client::shared('calc', $target)->stats()['in_flight'], "\n";
    });
});

function read(string $target, string $how): void
{
    foreach (Fast\Client::shared('calc', $target)->stream('range', [1_000_000_000]) as $value) {
        if ($value->value < 10) {
            continue;
        }
        match ($how) {
            'exit' => exit(3),
            'exception' => throw new DomainException('of the program'),
            'fatal' => trigger_error('of the program', E_USER_ERROR),
            'memory' => str_repeat('x', 1 << 30),
            'undefined' => undefined_function(),
            'time' => spin(),
        };
    }
}

function spin(): never
{
    set_time_limit(1);
    while (true) {
    }
}

read($target, $how);
