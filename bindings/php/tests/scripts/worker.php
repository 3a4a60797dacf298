<?php

// A program for the web server of PHP: /call makes a call of a shared client, /fatal ends with a fatal error in a stream.
// Both print the calls ever made and those under way.

declare(strict_types=1);

require_once __DIR__ . '/../../src/autoload.php';

$client = Fast\Client::shared('calc', getenv('CALC_TARGET'), ['stream_buffer_bytes' => 4096]);
if ($_SERVER['REQUEST_URI'] === '/fatal') {
    foreach ($client->stream('range', [1_000_000_000]) as $value) {
        trigger_error('of the program', E_USER_ERROR);
    }
}
$sum = $client->call('add', [2, 3])[0]->sum;
$stats = $client->stats();
$threads = count(scandir('/proc/self/task')) - 2;
echo json_encode([$sum, array_sum(array_column($stats['endpoints'], 'picks')), $stats['in_flight'], $threads]);
