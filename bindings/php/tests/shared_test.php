<?php

declare(strict_types=1);

namespace Fast\Tests;

use Fast\Client;
use Fast\ClosedException;

$calls = static fn (Client $client): int => array_sum(array_column($client->stats()['endpoints'], 'picks'));

return [
    'a shared client is the same one every time' => static function () use ($calls): void {
        $server = new CalcServer();
        $options = ['timeout_ms' => 4000, 'policy' => 'round_robin'];
        for ($i = 0; $i < 1000; $i++) {
            same(5, Client::shared('same', $server->target, $i % 2 === 0 ? $options : array_reverse($options))->call('add', [2, 3])[0]->sum);
        }
        same(1000, $calls(Client::shared('same', $server->target, $options)));
        same(1, connections($server->address));
        $server->stop();
    },

    'a shared client with other options or another target is a new one' => static function () use ($calls): void {
        $target = CalcServer::shared()->target;
        $old = Client::shared('changed', $target);
        $old->call('add', [1, 2]);
        $new = Client::shared('changed', $target, ['timeout_ms' => 4001]);
        same([1, 0], [$calls($old), $calls($new)]);
        $old->call('add', [1, 2]);
        same(CalcServer::shared()->address, Client::shared('changed', CalcServer::shared()->address)->stats()['target']);
        same(0, $calls(Client::shared('other name', $target)));
    },

    'a shared client that was closed is replaced' => static function (): void {
        $target = CalcServer::shared()->target;
        $old = Client::shared('closed', $target);
        $old->call('add', [1, 2]);
        $old->close();
        thrown(ClosedException::class, static fn () => $old->call('add', [1, 2]));
        same(3, Client::shared('closed', $target)->call('add', [1, 2])[0]->sum);
    },

    'clients that are not shared are not the same' => static function () use ($calls): void {
        $client = new Client(CalcServer::shared()->target);
        $client->call('add', [1, 2]);
        same([1, 0], [$calls($client), $calls(new Client(CalcServer::shared()->target))]);
    },

    'clients do not outlive their objects' => static function (): void {
        $server = new CalcServer();
        for ($i = 0; $i < 20; $i++) {
            (new Client($server->target))->call('add', [1, 2]);
        }
        eventually(static fn () => connections($server->address) === 0, 'all connections are closed');
        $server->stop();
    },
];
