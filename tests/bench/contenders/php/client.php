<?php

// libfast in PHP: one call at a time.

declare(strict_types=1);

require_once __DIR__ . '/../../../../bindings/php/src/autoload.php';
require_once __DIR__ . '/Meter.php';

if ($argc !== 10 || $argv[1] !== 'client') {
    fwrite(STDERR, "usage: client PORT WORKLOAD SECONDS CONNECTIONS IN_FLIGHT METHOD SIZE UNITS\n");
    exit(2);
}
[, , $port, , $seconds, , , $method, $size, $units] = $argv;

/** An object of so many bytes as JSON. */
function payload(int $size): array
{
    $value = ['id' => 12345, 'name' => 'bench', 'on' => true, 'text' => ''];
    $value['text'] = str_repeat('x', $size - strlen(json_encode($value)));

    return $value;
}

/** How many values came. */
function call(Fast\Client $client, string $method, array $args): int
{
    if ($method !== 'stream') {
        [$answer] = $client->call($method, $args);

        return isset($answer->value) ? 1 : 0;
    }
    $came = 0;
    foreach ($client->stream($method, $args) as $_) {
        $came++;
    }

    return $came;
}

$client = new Fast\Client("127.0.0.1:$port");
$client->ready(5000);
$args = [$method === 'stream' ? (int) $size : payload((int) $size)];
$expected = $method === 'stream' ? (int) $size : 1;
$meter = new Meter((float) $seconds);
$ended = hrtime(true);
do {
    $began = $ended;
    if (call($client, $method, $args) !== $expected) {
        throw new RuntimeException('wrong answer');
    }
    $ended = hrtime(true);
} while ($meter->count($began, $ended));
echo $meter->report((int) $units), "\n";
