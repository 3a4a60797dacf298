<?php

// Prints the number of threads and descriptors before libfast is loaded, after that, and with a client.

declare(strict_types=1);

require_once __DIR__ . '/../../src/autoload.php';

$count = static fn (): array => [count(scandir('/proc/self/task')) - 2, count(scandir('/proc/self/fd')) - 2];
$before = $count();
Fast\Library::get();
$loaded = $count();
$client = new Fast\Client('127.0.0.1:1');
echo json_encode([$before, $loaded, $count()[0] > $before[0]]);
