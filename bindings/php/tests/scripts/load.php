<?php

// load.php TARGET [OPTIONS]: makes one call, and prints its answer or why the library could not be loaded.

declare(strict_types=1);

require_once __DIR__ . '/../../src/autoload.php';

try {
    echo (new Fast\Client($argv[1] ?? '127.0.0.1:1', json_decode($argv[2] ?? '[]', true)))->call('add', [2, 3])[0]->sum;
} catch (Fast\FastException $error) {
    echo $error::class, ' ', $error->fastCode, ' ', $error->getMessage();
}
